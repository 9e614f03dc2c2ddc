// What reads and writes wait for, for all kinds of files: they wait, or move more than one step's
// bytes.
#pragma once

#include <async/task.h>
#include <async/wait_loop.h>

#include <coroutine>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"

namespace kernel::sys {

/// `moved` is the result of a call's first attempt to move bytes between `file` and `buffer`.
/// Returns whether the call must wait, for the file or for a page. If not, `moved` is its result:
/// EAGAIN if the file is non-blocking.
inline bool must_wait(const File& file, const IoBuffer& buffer, Transfer& moved) {
  if (!blocks(moved)) return false;
  if (!file.is_nonblocking() || file.waits_for_device() || buffer.needs_page_in()) return true;
  moved = fail(Errno::eagain);
  return false;
}
/// Whether an attempt has failed because the file has no data or no room, and not because a page is
/// missing.
inline bool waits_for_file(const IoBuffer& buffer, const Transfer& moved) {
  return blocks(moved) && !buffer.needs_page_in();
}
[[gnu::cold]] void post_broken_pipe(Thread& self);
/// Sends SIGPIPE if a write has failed because the pipe or the stream has no readers.
inline void signal_broken_pipe(Thread& self, const File& file, const Transfer& moved) {
  if (!moved && moved.error() == Errno::epipe && file.is_stream()) [[unlikely]]
    post_broken_pipe(self);
}

/// Moves bytes between `file` and a buffer of the program, in one step that shares the strand: at
/// `offset`, or at the file's position. A buffer of const bytes is written to the file.
/// would_block: the caller must wait for the file, or only a step in the strand can move the bytes,
/// for example because the buffer does not lie in one page.
template <class Byte>
[[gnu::always_inline]] inline Transfer move_sharing(Thread& self, File& file, UserSpan<Byte> buffer,
                                                    std::optional<std::uint64_t> offset = {}) {
  constexpr bool reads = !std::is_const_v<Byte>;
  const std::uintptr_t at = buffer.address();
  std::byte* const there =
      outside::find_bytes(self, at, buffer.size(), reads ? hal::Access::write : hal::Access::read);
  if (there == nullptr) return fail(Errno::would_block);
  const FoundBytes<Byte> bytes{self.space(), at, there, buffer.size()};
  if constexpr (reads) {
    return offset ? file.read_at_sharing(*offset, bytes) : file.read_sharing(bytes);
  } else {
    return offset ? file.write_at_sharing(*offset, bytes) : file.write_sharing(bytes);
  }
}

// The file stays open until the transfer has ended. The caller keeps the list alive that `buffer`
// refers to.

/// Waits until the file has bytes, and reads at most `step_bytes` into one contiguous buffer. For
/// use after an attempt that would block. If the step shares the strand, the buffer lies in one
/// page. The file stays open even if the program closes its descriptor. Needs no coroutine frame.
class Reading : public async::SharingWaitLoop<Reading> {
 public:
  Reading(Thread& self, Ref<File> file, UserSpan<std::byte> to)
      : self_{self}, file_{std::move(file)}, to_{to} {}

  using WaitLoop::again;

 private:
  friend WaitLoop;
  friend SharingWaitLoop;

  async::WaitOp wait() const { return file_->changes(Direction::read)->wait("read"); }
  bool wait_sharing(std::coroutine_handle<> loop) const { return file_->wait_sharing(loop); }
  bool attempt() {
    const DespiteNonblock waits;
    IoBuffer buffer{self_.space(), to_.address(), to_.size()};
    moved_ = file_->try_read(buffer);
    return !waits_for_file(buffer, moved_);
  }
  bool attempt_sharing() {
    moved_ = move_sharing(self_, *file_, to_);
    return !blocks(moved_);
  }
  void cut_short() { moved_ = fail(Errno::eintr); }
  Transfer result() const { return moved_; }

  Thread& self_;
  Ref<File> file_;
  UserSpan<std::byte> to_;
  Transfer moved_ = 0;
};

/// Reads in a step that shares the strand, or leaves a wait for bytes. If it leaves a wait, it has
/// called sharing.keep().
/// would_block without a wait: only a step in the strand can do that, for example if the buffer has
/// no bytes or does not lie in one page.
[[gnu::always_inline]] inline trap::Answer<Transfer> read_sharing(Thread& self,
                                                                  async::Strand::Sharing& sharing,
                                                                  File& file,
                                                                  UserSpan<std::byte> to) {
  std::byte* const there = outside::find_bytes(self, to.address(), to.size(), hal::Access::write);
  if (there == nullptr) return fail(Errno::would_block);
  const Transfer moved = file.read_sharing({self.space(), to.address(), there, to.size()});
  if (!blocks(moved)) [[likely]]
    return moved;
  if (!file.waits_sharing() || !outside::may_wait_sharing(self) || !file.retain_if_owned())
    return fail(Errno::would_block);
  sharing.keep();
  return self.wait([&] { return Reading{self, Ref<File>::adopt(&file), to}; });
}

/// Waits until the file has room, and then writes all of `from`, at most File::whole_write() and
/// `step_bytes` bytes. Its steps are in the strand.
class Writing : public async::WaitLoop<Writing> {
 public:
  Writing(Thread& self, Ref<File> file, UserSpan<const std::byte> from)
      : self_{self}, file_{std::move(file)}, from_{from} {}

  using WaitLoop::again;

 private:
  friend WaitLoop;

  async::WaitOp wait() const { return file_->changes(Direction::write)->wait("write"); }
  bool poll() {
    if (async::current_job().result() != async::WaitResult::woken) {
      moved_ = fail(Errno::eintr);
      return true;
    }
    return attempt();
  }
  bool attempt() {
    const DespiteNonblock waits;
    IoBuffer buffer{self_.space(), from_.address(), from_.size()};
    moved_ = file_->try_write(buffer);
    signal_broken_pipe(self_, *file_, moved_);
    return !waits_for_file(buffer, moved_);
  }
  Transfer result() const { return moved_; }

  Thread& self_;
  Ref<File> file_;
  UserSpan<const std::byte> from_;
  Transfer moved_ = 0;
};

inline IoBuffer::Direction side_of(Direction direction) {
  return direction == Direction::read ? IoBuffer::Direction::put : IoBuffer::Direction::take;
}

/// Moves the bytes of `buffer` by File::transfer(), which ends before a missing page. Then the
/// result is would_block, and again() moves the rest after the page-in. If that page cannot be
/// read, the result is the number of bytes moved. If none were moved, it is the error.
class DeviceTransfer {
 public:
  DeviceTransfer(Thread& self, Ref<File> file, Direction direction,
                 std::optional<std::uint64_t> offset, const IoBuffer& buffer)
      : self_{self},
        file_{std::move(file)},
        direction_{direction},
        offset_{offset},
        left_{buffer} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) { return again(caller); }
  Transfer await_resume();
  std::coroutine_handle<> again(std::coroutine_handle<> caller);
  /// The number of bytes that it has moved.
  std::size_t done() const { return done_; }

 private:
  Thread& self_;
  Ref<File> file_;
  std::optional<async::Task<Transfer>> task_;  // moves `left_`
  const Direction direction_;
  std::uint32_t done_ = 0;
  const std::optional<std::uint64_t> offset_;  // of the first byte; nothing: the file's position
  IoBuffer left_;
};

/// readv() and writev(). `file`: null if there is none. `appends`: each step writes at the file's
/// end, and the file's position moves there.
trap::Answer<Transfer> read_parts(Thread& self, File* file, UserPtr<const abi::IoVector> to,
                                  int count);
trap::Answer<Transfer> write_parts(Thread& self, File* file, UserPtr<const abi::IoVector> from,
                                   int count, bool appends = false);

/// Pages in the missing pages of `part`. Stops at the first page that cannot be read, with an error
/// of prepare_attempt(). A transfer then still moves the bytes before that page.
async::Task<Result<>> page_in_all(Thread& self, IoBuffer part, IoBuffer::Direction side);

/// Where a transfer moves bytes. With `offset` it leaves the file's position alone; without, it
/// begins there and advances it.
struct FilePlace {
  std::optional<std::uint64_t> offset;
  /// Each step of a write begins at the file's present end, and not at `offset`. Not for devices.
  bool is_end = false;
};

/// Reads, or writes until all of `buffer` is written, at `place`. With `waits` it waits until the
/// file has data or room. Without, it fails with EAGAIN. A write returns a short count only if the
/// file is full, on an error, or if a wait is cut short. At an offset it also ends when the file
/// moves less than requested. It never returns would_block. `buffer` is not empty.
async::Task<Transfer> start_moving(Thread& self, File& file, Direction direction, FilePlace place,
                                   IoBuffer buffer, bool waits);

}  // namespace kernel::sys
