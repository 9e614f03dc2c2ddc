// An open file description: what file descriptors, in one process or in several, refer to.
//
// Nothing here waits. What would have to wait answers EAGAIN; whoever wants to wait does it on the
// list that `changes` names, and tries again when it was woken. That is written once for all kinds
// of files: in syscalls/io_loops.h for reads (ReadWait, a loop without a coroutine) and in
// syscalls/io_loops.cpp for writes:
//
//     wait():  file.changes(Direction::read)->wait("read")
//     look():  file.try_read(buffer); if that says EAGAIN, wait() again
//
// Files of a device that answers in its own time are the exception: every transfer waits, so there
// is no trying, and it begins with co_await file.transfer(…).
//
// Tasks only, never an interrupt.
#pragma once

#include <abi/flags.h>
#include <abi/types.h>
#include <async/task.h>
#include <async/wait_list.h>
#include <hal/interrupts.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "files/io_buffer.h"
#include "memory/page_source.h"

namespace kernel {

enum class Direction : bool { read, write };

class File : public RefCounted<File> {
 public:
  /// `flags`: the access mode and status flags of openat.
  /// `whole_write`: see there.
  explicit File(int flags, std::size_t whole_write = IoBuffer::longest)
      : flags_{flags},
        whole_write_{static_cast<std::uint32_t>(whole_write)},
        can_read_{is_open(flags, abi::o_rdonly)},
        can_write_{is_open(flags, abi::o_wronly)} {}
  virtual ~File() = default;

  // ── How it was opened ──

  bool can_read() const { return can_read_; }
  bool can_write() const { return can_write_; }
  bool is_nonblocking() const { return (flags_ & abi::o_nonblock) != 0; }
  bool appends() const { return (flags_ & abi::o_append) != 0; }
  int flags() const { return flags_; }
  /// Changes what F_SETFL may change.
  void set_status_flags(int flags) {
    flags_ = (flags_ & ~changeable_flags) | (flags & changeable_flags);
  }

  // ── Bytes ──

  /// A write of up to so many bytes goes in as a whole or not at all, if nothing is wrong with the
  /// bytes. One of more may go in in part.
  std::size_t whole_write() const { return whole_write_; }

  /// Whether two transfers, one after the other, do what one of the bytes of both would. Not so
  /// where what is written at once means something.
  bool is_stream() const { return is_stream_; }

  /// Moves bytes between the file and `buffer`, which they use up. Less than all of it where the
  /// file has no more at the moment; EAGAIN when that is none at all and more may come. At the end
  /// of the file a read answers 0. `buffer` is not empty.
  virtual Result<std::size_t> try_read(IoBuffer& buffer);
  virtual Result<std::size_t> try_write(IoBuffer& buffer);

  /// The same at a place of its own (pread64, pwrite64); ESPIPE where there are no places.
  virtual Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer);
  virtual Result<std::size_t> write_at(std::uint64_t offset, IoBuffer& buffer);

  /// The new place (lseek); ESPIPE where there are no places.
  virtual Result<std::int64_t> seek(std::int64_t offset, int whence);
  virtual Result<> resize(std::uint64_t size);

  /// Whether bytes move only by `transfer`; trying always says EAGAIN then.
  bool waits_for_device() const { return waits_for_device_; }
  /// Moves bytes between the file and `buffer`, at `offset` or at the file's place, which then goes
  /// on. As try_read and try_write otherwise.
  virtual async::Task<Result<std::size_t>> transfer(Direction direction,
                                                    std::optional<std::uint64_t> offset,
                                                    IoBuffer buffer);
  /// Until what was written is where it stays (fsync).
  virtual async::Task<Result<>> sync();

  /// All of the file as it lies in memory, which never changes: for execve and mmap. ENODEV where
  /// there is no such thing. Valid for ever.
  virtual Result<std::span<const std::byte>> bytes();

  /// The same of a file that takes its time: its pages. ENODEV.
  virtual Result<Ref<memory::PageSource>> pages();

  /// The line of the device that it is; none.
  virtual hal::Irq interrupt_line() { return hal::Irq::none; }

  /// Directory entries as getdents64 wants them; 0 after the last.
  virtual Result<std::size_t> list(IoBuffer& buffer);

  // ── Waiting ──

  /// abi::poll* bits that hold now.
  virtual short readiness();
  /// Woken whenever `readiness` may have gained a bit of that direction. Null: it never changes.
  virtual async::WaitList* changes(Direction) { return nullptr; }

  // ── About it ──

  virtual abi::Stat status() = 0;
  /// ioctl: `argument` is what the program gave, an address in `space` or a number.
  virtual Result<int> control(memory::AddressSpace& space, unsigned long request,
                              std::uintptr_t argument);
  /// Bytes a pipe holds at most (F_GETPIPE_SZ); EBADF for anything else.
  virtual Result<int> pipe_capacity();

  /// The node of the file tree that it was opened from; null for pipes.
  virtual class Node* node() { return nullptr; }

 protected:
  void be_stream() { is_stream_ = true; }

  struct WaitsForDevice {};
  File(int flags, WaitsForDevice) : File{flags} { waits_for_device_ = true; }

  /// What seek answers where the place is `at` and the file ends at `end`. EINVAL, EOVERFLOW.
  static Result<std::int64_t> find_place(std::int64_t offset, int whence, std::uint64_t at,
                                         std::uint64_t end);

 private:
  static constexpr int changeable_flags = abi::o_append | abi::o_nonblock | abi::o_direct;

  /// Whether bytes may be moved the way that access mode does. O_PATH only names a file, and what
  /// is opened with both bits of the access mode is good for ioctl alone (open(2)).
  static constexpr bool is_open(int flags, int access) {
    const int mode = flags & abi::o_accmode;
    return (flags & abi::o_path) == 0 && (mode == access || mode == abi::o_rdwr);
  }

  int flags_;
  const std::uint32_t whole_write_;
  const bool can_read_;
  const bool can_write_;
  bool waits_for_device_ = false;
  bool is_stream_ = false;
};

}  // namespace kernel
