// Reads and writes that wait, or that move more than one step does: once for all kinds of files.
#pragma once

#include <async/task.h>
#include <async/wait_loop.h>

#include <cstdint>
#include <utility>

#include "process/thread.h"
#include "syscalls/files.h"

namespace kernel::sys {

/// Whether what a try has answered means that the caller is to wait.
inline bool would_block(const File& file, const Transfer& moved) {
  if (moved || moved.error() != Errno::eagain) return false;
  return !file.is_nonblocking() || file.waits_for_device();
}
/// What a failed write means for the program when nobody reads any more.
void tell_broken_pipe(Thread& self, const Transfer& moved);

// The file stays open until the transfer has ended; what `buffer` is made of stays as long.

/// Reads no more than a step, after a try that has moved nothing. No coroutine.
class ReadWait : public async::WaitLoop<ReadWait> {
 public:
  ReadWait(Ref<File> file, const IoBuffer& buffer) : file_{std::move(file)}, buffer_{buffer} {}

 private:
  friend WaitLoop;

  async::WaitOp wait() const { return file_->changes(Direction::read)->wait("read"); }
  bool poll() {
    const bool woken = async::current_job().result() == async::WaitResult::woken;
    moved_ = woken ? file_->try_read(buffer_) : fail(Errno::eintr);
    return !would_block(*file_, moved_);
  }
  Transfer result() const { return moved_; }

  Ref<File> file_;
  IoBuffer buffer_;
  Transfer moved_ = 0;
};

/// `buffer` is not empty.
async::Task<Transfer> start_reading(Thread& self, File& file, IoBuffer buffer);
/// `buffer` is not empty. Goes on until all is written: a short count is for files that are full,
/// errors, and the end of the thread.
async::Task<Transfer> start_writing(Thread& self, File& file, IoBuffer buffer);

/// At a place of the file's, which is no negative one.
async::Task<Transfer> start_reading_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);
async::Task<Transfer> start_writing_at(Thread& self, File& file, std::uint64_t offset,
                                       IoBuffer buffer);

}  // namespace kernel::sys
