// What reads and writes wait for, for all kinds of files: they wait, or move more than one step's
// bytes.
#pragma once

#include <async/task.h>
#include <async/wait_loop.h>

#include <cstdint>
#include <utility>

#include "process/thread.h"
#include "syscalls/files.h"

namespace kernel::sys {

/// `moved` is the result of an attempt to move bytes between `file` and `buffer`. Returns whether
/// the caller must wait for the file. If not, `moved` is the caller's result: EAGAIN if the file is
/// non-blocking, would_block if the call must be restarted after a page-in.
inline bool waits_for(const File& file, const IoBuffer& buffer, Transfer& moved) {
  if (moved || moved.error() != Errno::would_block || buffer.needs_page_in()) return false;
  if (!file.is_nonblocking() || file.waits_for_device()) return true;
  moved = fail(Errno::eagain);
  return false;
}
/// Sends SIGPIPE if a write has failed because the pipe has no readers.
void signal_broken_pipe(Thread& self, const Transfer& moved);

// The file stays open until the transfer has ended. The caller keeps the list alive that `buffer`
// refers to.

/// Waits until the file has data, then reads into `buffer`, after an attempt that would block. The
/// caller passes at most `step_bytes` of room. Needs no coroutine frame of its own.
class ReadWait : public async::WaitLoop<ReadWait> {
 public:
  ReadWait(Ref<File> file, const IoBuffer& buffer) : file_{std::move(file)}, buffer_{buffer} {}

 private:
  friend WaitLoop;

  async::WaitOp wait() const { return file_->changes(Direction::read)->wait("read"); }
  bool poll() {
    const bool woken = async::current_job().result() == async::WaitResult::woken;
    moved_ = woken ? file_->try_read(buffer_) : fail(Errno::eintr);
    return !waits_for(*file_, buffer_, moved_);
  }
  Transfer result() const { return moved_; }

  Ref<File> file_;
  IoBuffer buffer_;
  Transfer moved_ = 0;
};

/// Waits until the file has data, and reads. `buffer` is not empty.
async::Task<Transfer> start_reading(Thread& self, File& file, IoBuffer buffer);
/// Writes until all of `buffer` is written. Returns a short count only if the file is full, on an
/// error, or if cancelled. `buffer` is not empty.
async::Task<Transfer> start_writing(Thread& self, File& file, IoBuffer buffer);

/// Like start_reading() and start_writing(), at a file offset, which is not negative.
async::Task<Transfer> start_reading_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);
async::Task<Transfer> start_writing_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);

}  // namespace kernel::sys
