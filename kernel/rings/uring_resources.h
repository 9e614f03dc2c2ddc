// Files, buffers, and groups of buffers for reads that a program registers with an io_uring.
//
// Strand data.
#pragma once

#include <abi/io_uring.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "files/file.h"
#include "memory/address_space.h"
#include "rings/uring_memory.h"

namespace kernel::uring {

/// A table of registered files or buffers. Their numbers are the indices of their slots.
template <class Slot>
class SlotTable {
 public:
  bool exists() const { return slots_ != nullptr; }
  std::uint32_t count() const { return count_; }
  /// Makes a table of empty slots. ENOMEM.
  Result<> make(std::uint32_t count) {
    if (!memory::can_allocate_contiguous(count * sizeof(Slot))) return fail(Errno::enomem);
    slots_ = std::make_unique<Slot[]>(count);
    count_ = count;
    return {};
  }
  void clear() {
    count_ = 0;  // first: the end of a file may read this table
    slots_.reset();
  }
  const Slot& operator[](std::uint32_t index) const { return slots_[index]; }
  Slot& operator[](std::uint32_t index) { return slots_[index]; }

 protected:
  std::unique_ptr<Slot[]> slots_;
  std::uint32_t count_ = 0;
};

struct FixedFile {
  Ref<File> file;
  std::uint64_t tag = 0;  ///< if not 0: posted as user data when the slot loses its file
};

/// The table of registered files.
class FixedFiles : SlotTable<FixedFile> {
 public:
  using Slot = FixedFile;
  using SlotTable::count;
  using SlotTable::exists;

  Result<> make(std::uint32_t count);
  /// Ends the table. Its files end in steps of a job of the kernel if they are many.
  void clear();
  /// Fills an empty slot. As on Linux, the search for an empty slot continues behind it.
  void put(std::uint32_t index, Slot slot);
  /// Empties a slot, and returns what it had. The search continues there.
  Slot take(std::uint32_t index);
  /// Null: there is no such slot, or it is empty.
  File* find(std::int32_t index) const {
    return static_cast<std::uint32_t>(index) < count_ ? slots_[index].file.get() : nullptr;
  }
  /// The next empty slot in the range of set_range(). ENFILE.
  Result<std::uint32_t> find_empty();
  /// The range in which find_empty() looks. EOVERFLOW, EINVAL.
  Result<> set_range(std::uint32_t first, std::uint32_t count);

 private:
  static constexpr std::uint32_t in_word = 64;

  /// The first empty slot in [first, end).
  std::optional<std::uint32_t> find_empty_in(std::uint32_t first, std::uint32_t end) const;

  std::unique_ptr<std::uint64_t[]> used_;  // a bit for each slot that has a file
  std::uint32_t first_ = 0, end_ = 0;      // the range for find_empty()
  std::uint32_t hint_ = 0;
};

struct FixedBuffer {
  std::uint64_t address = 0;
  std::uint64_t length = 0;  ///< 0: the slot is empty
  std::uint64_t tag = 0;
};

/// The table of registered buffers: ranges of a program's memory. The kernel does not pin them.
class FixedBuffers : public SlotTable<FixedBuffer> {
 public:
  using Slot = FixedBuffer;

  /// EFAULT: no buffer of this number, or the range does not lie in it.
  Result<> check(std::uint32_t index, std::uint64_t address, std::uint64_t length) const;
};

/// A buffer that an operation has taken from a group.
struct Picked {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t id;
};

/// A group of buffers for IOSQE_BUFFER_SELECT: a ring in memory that it shares with the program, or
/// buffers that PROVIDE_BUFFERS has added.
class BufferGroup : public ListNode<> {
 public:
  explicit BufferGroup(std::uint16_t id) : id_{id} {}
  ~BufferGroup();

  std::uint16_t id() const { return id_; }
  bool is_ring() const { return entries_ != 0; }
  /// Of a ring.
  std::uint16_t head() const { return head_; }

  /// Makes the group a ring of `entries` buffers, a power of two. `address`: in the program's
  /// memory; 0: the kernel allocates its pages. ENOMEM.
  Result<> become_ring(std::uint64_t address, std::uint32_t entries);
  /// The pages of a ring that the kernel has allocated; else null.
  const Pages* pages() const { return pages_.get(); }

  /// Adds buffers of `length` bytes each, which follow each other. ENOMEM.
  Result<> add(std::uint64_t address, std::uint32_t length, std::uint32_t count,
               std::uint16_t first_id);
  /// Drops up to `count` of these buffers; returns how many.
  std::uint32_t drop(std::uint32_t count);

  /// The next buffer, which stays in the group until take(). ENOBUFS; EFAULT and would_block of a
  /// ring in the memory `space`.
  Result<Picked> peek(memory::AddressSpace& space) const;
  /// Takes the buffer that peek() has returned in the same step.
  void take();

 private:
  struct Run {
    Run* next;
    std::uint64_t address;
    std::uint32_t length;
    std::uint32_t count;
    std::uint16_t first_id;
  };

  const std::uint16_t id_;
  // A list of runs of buffers that lie behind each other, one run for each add().
  Run* first_ = nullptr;
  Run** end_ = &first_;
  // A ring.
  std::uint32_t entries_ = 0;
  std::uint64_t address_ = 0;
  std::unique_ptr<Pages> pages_;
  std::uint16_t head_ = 0;
};

/// The groups of a ring by their numbers.
class BufferGroups {
 public:
  ~BufferGroups();
  BufferGroup* find(std::uint16_t id);
  /// ENOMEM.
  Result<BufferGroup*> make(std::uint16_t id);
  void remove(BufferGroup& group);

 private:
  List<BufferGroup>& list_of(std::uint16_t id) { return lists_[id % lists_.size()]; }
  std::array<List<BufferGroup>, 32> lists_;
};

/// What io_uring_register(IORING_REGISTER_RESTRICTIONS) allows.
struct Restrictions {
  std::uint64_t operations = 0;  ///< a bit for each operation
  std::uint32_t registers = 0;   ///< a bit for each opcode of io_uring_register
  std::uint8_t flags_allowed = 0;
  std::uint8_t flags_required = 0;
};

}  // namespace kernel::uring
