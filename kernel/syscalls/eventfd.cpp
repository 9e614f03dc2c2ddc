// eventfd: a file that is a counter. Writes add to it, and reads take its value.
#include <abi/flags.h>
#include <async/leaf_lock.h>

#include <array>
#include <cstring>
#include <limits>

#include "files/file.h"
#include "files/io_buffer.h"
#include "files/node.h"
#include "memory/frames.h"
#include "memory/read_once.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using Count = std::uint64_t;

class EventFile final : public File {
 public:
  EventFile(Count count, bool is_semaphore, int flags)
      : File{abi::o_rdwr | flags}, count_{count}, is_semaphore_{is_semaphore} {}

  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::einval); }

  Result<std::size_t> try_read(IoBuffer& buffer) override {
    if (buffer.left() < sizeof(Count)) return fail(Errno::einval);
    if (count_ == 0) return fail(Errno::would_block);
    const Count taken = is_semaphore_ ? 1 : count_;
    if (Count* const there = buffer.find_word<Count>(IoBuffer::Direction::put)) [[likely]] {
      write_once(*there, taken);
      buffer.skip(sizeof taken);
      count_ -= taken;
      writers_.wake_all();
      return sizeof taken;
    }
    return put_slowly(buffer, taken);
  }

  Result<std::size_t> try_write(IoBuffer& buffer) override {
    if (buffer.left() != sizeof(Count)) return fail(Errno::einval);
    const Count* const there = buffer.find_word<Count>(IoBuffer::Direction::take);
    const Result<Count> added = there != nullptr ? read_once(*there) : look_slowly(buffer);
    if (!added) return fail(added.error());
    if (*added == std::numeric_limits<Count>::max()) return fail(Errno::einval);
    if (*added > most - count_) return fail(Errno::would_block);
    count_ += *added;
    buffer.skip(sizeof(Count));
    if (count_ != 0) readers_.wake_all();
    return sizeof(Count);
  }

  std::string_view unnamed_kind() override { return "[eventfd]"; }
  // Callers that share the strand wake nobody: a file that others wait for needs the strand.
  Result<std::size_t> read_sharing(const ReadBytes& to) override {
    const async::LeafLock::Guard lock{lock_};
    if (to.size() < sizeof(Count) || count_ == 0 || !writers_.empty() || !to.is_current())
      return fail(Errno::would_block);
    const Count taken = is_semaphore_ ? 1 : count_;
    std::memcpy(to.data(), &taken, sizeof taken);
    count_ -= taken;
    return sizeof taken;
  }
  Result<std::size_t> write_sharing(const WrittenBytes& from) override {
    const async::LeafLock::Guard lock{lock_};
    if (from.size() != sizeof(Count) || !readers_.empty() || !from.is_current())
      return fail(Errno::would_block);
    Count added = 0;
    std::memcpy(&added, from.data(), sizeof added);
    if (added > most - count_) return fail(Errno::would_block);
    count_ += added;
    return sizeof added;
  }
  Result<short> readiness_sharing() override {
    const async::LeafLock::Guard lock{lock_};
    return readiness();
  }
  bool end_sharing() override { return true; }
  bool may_destroy_sharing() override { return true; }

  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }
  short readiness() override {
    return static_cast<short>((count_ != 0 ? abi::pollin : 0) |
                              (count_ != most ? abi::pollout : 0));
  }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readers_ : &writers_;
  }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }

 private:
  /// The rest of try_read(), for every buffer.
  [[gnu::noinline]] Result<std::size_t> put_slowly(IoBuffer& buffer, Count taken) {
    if (buffer.must_page_in(IoBuffer::Direction::put)) return fail(Errno::would_block);
    const auto moved = buffer.put(std::as_bytes(std::span{&taken, 1}));
    if (blocks(moved)) return moved;
    count_ -= taken;
    writers_.wake_all();
    return moved && *moved == sizeof taken ? moved : fail(Errno::efault);
  }
  /// The number at the front of `buffer`, which does not advance: the count may lack room for it.
  [[gnu::noinline]] static Result<Count> look_slowly(IoBuffer& buffer) {
    Count added = 0;
    IoBuffer from = buffer;
    const auto moved = from.take(std::as_writable_bytes(std::span{&added, 1}));
    if (!moved) {
      (void)buffer.must_page_in(IoBuffer::Direction::take);
      return fail(moved.error());
    }
    if (*moved < sizeof added) return fail(Errno::efault);
    return added;
  }

  static constexpr Count most = std::numeric_limits<Count>::max() - 1;

  // For callers that share the strand: protects the count. Not in the line with the count of
  // owners.
  alignas(64) async::LeafLock lock_;
  Count count_;
  const bool is_semaphore_;
  async::WaitList readers_;
  async::WaitList writers_;
};

}  // namespace

Result<int> eventfd2(Thread& self, std::uint32_t count, int flags) {
  constexpr int efd_semaphore = 1, efd_cloexec = abi::o_cloexec, efd_nonblock = abi::o_nonblock;
  if ((flags & ~(efd_semaphore | efd_cloexec | efd_nonblock)) != 0) return fail(Errno::einval);
  if (!memory::can_allocate(sizeof(EventFile))) return fail(in_strand(Errno::enomem));
  auto file = make_ref<EventFile>(count, (flags & efd_semaphore) != 0, flags & efd_nonblock);
  return self.process().files().add(std::move(file), (flags & efd_cloexec) != 0);
}

}  // namespace sys

}  // namespace kernel
