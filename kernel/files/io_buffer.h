// The buffer of a read or write: memory of a program, in one part (read) or in several (readv), or
// memory of the kernel.
//
// A buffer is consumed from its front. A program's pages are faulted in when their bytes are moved.
// A bad address affects only the bytes from there on: the bytes before it are moved and counted. If
// there are none, the call returns EFAULT.
#pragma once

#include <abi/types.h>
#include <hal/machine/page_entry.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "memory/address_space.h"
#include "memory/frames.h"

namespace kernel {

/// Like memcpy(), but faster for one byte, the size that pipe ping-pong benchmarks use.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t count) {
  if (count == 1) {
    *to = *from;
  } else {
    std::memcpy(to, from, count);
  }
}

class IoBuffer {
 public:
  /// Linux moves at most this many bytes in one call.
  static constexpr std::size_t longest = 0x7fff'f000;

  IoBuffer(memory::AddressSpace& space, hal::VirtAddr base, std::size_t length)
      : space_{&space}, base_{base}, part_{std::min(length, longest)}, left_{narrow(part_)} {}

  /// All parts in order. `parts` must live as long as the buffer.
  IoBuffer(memory::AddressSpace& space, std::span<const abi::IoVector> parts);

  /// The kernel's own memory, less than 4 GiB.
  explicit IoBuffer(std::span<std::byte> memory)
      : base_{reinterpret_cast<hal::VirtAddr>(memory.data())},
        part_{memory.size()},
        left_{narrow(part_)} {}

  enum class Direction : bool { take, put };

  std::size_t left() const { return left_; }
  bool empty() const { return left_ == 0; }
  /// The program's address of the next byte, if the buffer has one part.
  hal::VirtAddr front() const { return base_; }

  /// The kernel's view of the next bytes, if they are a whole and aligned word. Null, which is no
  /// error: they are none, or their page is not in the kernel's TLB. Then use put() or take(). The
  /// buffer does not advance. The program may change the word at any time (memory/read_once.h).
  template <class T>
  T* find_word(Direction direction) const {
    static_assert(std::is_integral_v<T> && sizeof(T) == alignof(T));
    if (space_ == nullptr || part_ < sizeof(T) || base_ % sizeof(T) != 0) return nullptr;
    return reinterpret_cast<T*>(space_->tlb_lookup_alone(base_, access(direction)));
  }

  /// Moves `bytes`, or as many as there is room for, into the buffer.
  Result<std::size_t> put(std::span<const std::byte> bytes);
  /// Moves `count` bytes, or as many as there is room for, into the buffer. They lie in pages at
  /// `pages` and begin `at` bytes behind the start of the first. must_page_in() was false.
  Result<std::size_t> put_pages(const std::byte* const* pages, std::size_t at, std::size_t count);
  /// Moves bytes out of the buffer until `room` is full or the buffer empty.
  Result<std::size_t> take(std::span<std::byte> room);

  /// Like take(), but fills all of `room` or returns an error; the buffer has at least that many
  /// bytes left. After an error some bytes may have been copied, and the buffer is of no further
  /// use.
  Result<std::size_t> take_all(std::span<std::byte> room);

  /// Puts `count` zeros.
  Result<std::size_t> put_zeros(std::size_t count) {
    return each_piece(count, Direction::put, [](std::span<std::byte> piece, std::size_t) {
      std::memset(piece.data(), 0, piece.size());
    });
  }

  /// A buffer for the first `count` bytes, or for all if there are fewer.
  IoBuffer first(std::size_t count) const {
    IoBuffer start = *this;
    start.left_ = narrow(std::min(left(), count));
    return start;
  }

  /// The next bytes that are contiguous in the kernel's view, at most `most`, which is neither 0
  /// nor more than left(). The buffer does not advance. EFAULT; would_block: a page-in.
  Result<std::span<std::byte>> next_piece(std::size_t most, Direction direction);
  /// Skips the next `count` bytes. The buffer has at least that many.
  void skip(std::size_t count) {
    if (count > part_) [[unlikely]]
      return skip_parts(count);
    advance(count);
  }

  /// Whether the buffer needs page-ins. If so, a page-in of one page is requested (page_in.h).
  bool lacks_pages(Direction direction) const {
    return space_ != nullptr && space_->may_miss_pages() && misses_a_page(direction);
  }
  /// Like lacks_pages(), for the transfer itself. It cannot be restarted after it has moved bytes.
  /// So a transfer in several parts calls this before the first part, and returns would_block if
  /// true.
  bool must_page_in(Direction direction) {
    if (!lacks_pages(direction)) return false;
    return needs_page_in_ = true;
  }
  /// Whether a transfer has returned would_block because it needs a page-in. If not, it waits for
  /// the file: for bytes or for room.
  bool needs_page_in() const { return needs_page_in_; }

  // ── For DMA ──

  /// Contiguous bytes. Their memory is not reused while `owner` exists.
  struct Pinned {
    std::span<std::byte> bytes;
    memory::Frame owner;
  };
  /// Pins the next bytes, at most `most`, which is not 0. EFAULT; would_block; ENOMEM.
  Result<Pinned> pin(std::size_t most, Direction direction);

  /// Call after the device has written `pinned`, which are the next bytes of the buffer. If the
  /// program has another page there by now, for example after fork() and a write, copies the bytes
  /// to it.
  void commit(std::span<const std::byte> pinned);

 private:
  static constexpr std::uint32_t narrow(std::size_t bytes) {
    return static_cast<std::uint32_t>(bytes);
  }
  static constexpr hal::Access access(Direction direction) {
    return direction == Direction::put ? hal::Access::write : hal::Access::read;
  }

  /// The kernel address of the next `count` bytes. They must lie in one part and in one page that
  /// the kernel's TLB caches. Otherwise returns null, which is no error.
  std::byte* one_piece(std::size_t count, Direction direction);

  [[gnu::cold]] bool misses_a_page(Direction direction) const;

  // The slow paths of put() and take(): the bytes lie in several pieces, or miss in the kernel's
  // TLB.
  Result<std::size_t> put_pieces(std::span<const std::byte> bytes);
  Result<std::size_t> take_pieces(std::span<std::byte> room);

  /// The slow path of take_all().
  Result<std::size_t> take_all_pieces(std::span<std::byte> room);

  void skip_parts(std::size_t count);

  /// Advances to the next part if this one is used up. The buffer is not empty.
  void begin_part() {
    while (part_ == 0) {
      base_ = next_part_->base;
      part_ = next_part_->length;
      ++next_part_;
    }
  }
  void advance(std::size_t count) {
    base_ += count;
    part_ -= count;
    left_ -= narrow(count);
  }

  template <class Each>
  Result<std::size_t> each_piece(std::size_t most, Direction direction, Each&& each) {
    if (must_page_in(direction)) return fail(Errno::would_block);
    const std::size_t wanted = std::min(most, left());
    std::size_t done = 0;
    while (done < wanted) {
      const auto piece = next_piece(wanted - done, direction);
      if (!piece) {
        if (done == 0) return fail(piece.error());
        break;
      }
      each(*piece, done);
      advance(piece->size());
      done += piece->size();
    }
    return done;
  }

  memory::AddressSpace* space_ = nullptr;  // null: the kernel's own memory
  hal::VirtAddr base_;
  std::size_t part_;    // bytes left in this part
  std::uint32_t left_;  // bytes left in all parts
  bool needs_page_in_ = false;
  const abi::IoVector* next_part_ = nullptr;
};

}  // namespace kernel
