// An open file description, which file descriptors of one or several processes refer to.
//
// try_read() and try_write() never wait. If they cannot move a byte now, they return would_block. A
// caller that may wait then waits on the list of changes() and retries after the wake. Two loops
// without a coroutine do this for all kinds of files, Reading and Writing in syscalls/io_loops.h:
//
//     wait():     file.changes(Direction::read)->wait("read")
//     attempt():  file.try_read(buffer); wait() again if it returns would_block
//
// Writes that may be partial, and transfers of several steps, use coroutines (io_loops.cpp).
//
// Files of block devices differ, because every transfer waits for the device. Their try functions
// always return would_block, and all transfers use co_await file.transfer(…). So do those of
// sockets with timeouts, but their transfers are read_socket() and write_socket()
// (syscalls/sockets.h).
//
// All functions run in the strand, unless their comment says otherwise; never in an interrupt
// handler. Code that shares the strand may drop references (destroy()). It adds one with
// retain_if_owned() if it has found the file without owning one.
#pragma once

#include <abi/flags.h>
#include <abi/types.h>
#include <async/multi_wait.h>
#include <async/shared_word.h>
#include <async/task.h>
#include <async/wait_list.h>
#include <hal/interrupts.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "files/found_bytes.h"
#include "files/io_buffer.h"
#include "memory/mappable_object.h"

namespace async {
class Watcher;
struct Observer;
}  // namespace async

namespace kernel::memory {
class PagedText;
}  // namespace kernel::memory

namespace kernel {

enum class Direction : bool { read, write };

/// The signal that a file sends when it becomes ready (O_ASYNC, fcntl(2)). The floor of the system
/// calls derives a class, because it knows processes.
class ReadinessSignal {
 public:
  virtual ~ReadinessSignal() = default;
};

/// Waits despite O_NONBLOCK: while an active object exists, is_nonblocking() is false for all
/// files. For the calls of requests of io_uring, and for the attempts of a call that has begun to
/// wait. Must not live across a wait. In the strand.
class [[nodiscard]] DespiteNonblock {
 public:
  explicit DespiteNonblock(bool active = true)
      : before_{std::exchange(active_, active_ || active)} {
    async::Strand::check_access();
  }
  ~DespiteNonblock() { active_ = before_; }
  DespiteNonblock(const DespiteNonblock&) = delete;

  static bool is_active() { return active_; }

 private:
  inline static constinit bool active_ = false;
  const bool before_;
};

/// The properties of an open file that system calls ask for before they use it.
class FileProperties {
 public:
  FileProperties(int flags, std::size_t whole_write)
      : flags_{flags},
        whole_write_{static_cast<std::uint32_t>(whole_write)},
        can_read_{is_open(flags, abi::o_rdonly)},
        can_write_{is_open(flags, abi::o_wronly)} {}

  /// Whether the file only stands for a place in the tree (O_PATH, open(2)).
  bool is_only_path() const { return (flags_ & abi::o_path) != 0; }
  bool can_read() const { return can_read_; }
  bool can_write() const { return can_write_; }
  /// Whether a call that begins now must not wait for the file.
  bool is_nonblocking() const {
    return (flags_ & abi::o_nonblock) != 0 && !DespiteNonblock::is_active();
  }
  bool appends() const { return (flags_ & abi::o_append) != 0; }
  int flags() const { return flags_; }
  /// Sets those flags that F_SETFL may change. In the strand.
  void set_status_flags(int flags) {
    async::Strand::check_access();
    flags_ = (flags_ & ~changeable_flags) | (flags & changeable_flags);
  }

  /// Sets or clears O_ASYNC in flags(), and nothing else. In the strand.
  void show_async(bool on) {
    async::Strand::check_access();
    flags_ = on ? flags_ | abi::o_async : flags_ & ~abi::o_async;
  }
  /// Whether the file may send a signal when it becomes ready (O_ASYNC).
  bool may_send_signals() const { return may_send_signals_; }

  /// A write of at most this many bytes is never partial, unless its buffer is invalid. A longer
  /// write may be partial.
  std::size_t whole_write() const { return whole_write_; }

  /// Whether two consecutive transfers have the same effect as one transfer of all their bytes.
  /// False if the bytes of one write form a message.
  bool is_stream() const { return is_stream_; }
  /// Whether only File::transfer() moves bytes. The try functions always return would_block then.
  bool waits_for_device() const { return waits_for_device_; }
  /// Whether the file is a ring of io_uring (rings/uring.h).
  bool is_uring() const { return is_uring_; }
  /// Whether partner() may be a list.
  bool may_wait_to_open() const { return may_wait_to_open_; }
  /// Whether File::wait_sharing() may succeed.
  bool waits_sharing() const { return waits_sharing_ && (flags_ & abi::o_nonblock) == 0; }

 protected:
  void be_stream() { is_stream_ = true; }
  void be_uring() { is_uring_ = true; }
  void let_wait_sharing(bool lets = true) { waits_sharing_ = lets; }
  void let_send_signals() { may_send_signals_ = true; }
  void let_wait_to_open() { may_wait_to_open_ = true; }
  void let_wait_for_device() { waits_for_device_ = true; }

 private:
  static constexpr int changeable_flags = abi::o_append | abi::o_nonblock | abi::o_direct;

  /// Whether a file opened with `flags` allows `access`. With O_PATH or with both bits of the
  /// access mode set, the file allows neither reads nor writes (open(2)).
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
  bool is_uring_ = false;
  bool waits_sharing_ = false;
  bool may_wait_to_open_ = false;
  bool may_send_signals_ = false;
};

/// Harts use different files at the same time, so files have cache lines of their own. A process
/// that copies or closes its descriptors writes only the line with the count of owners. That
/// line contains none of the properties.
class alignas(64) File : public FileProperties, public RefCounted<File, 64> {
 public:
  /// `flags`: the access mode and status flags of openat. `whole_write`: see whole_write().
  explicit File(int flags, std::size_t whole_write = IoBuffer::longest)
      : FileProperties{flags, whole_write} {}
  virtual ~File() = default;

  /// The end of a file without owners: destroys it. If the caller shares the strand, it retires the
  /// file (async/retired.h).
  static void destroy(const File* file);
  /// Drops a reference that the caller has removed from a table of descriptors. No other thread
  /// uses that table. If no other table has ever had the file, then no other hart uses the file:
  /// the last reference destroys it at once, also while the caller shares the strand.
  static void drop_own(Ref<File> file);
  /// Records that a second table has the file (fork).
  void note_other_table() {
    if (!had_other_table_) had_other_table_ = true;
  }

  // ── Bytes ──

  /// The answer to a read or write of no bytes. An error only where Linux has one.
  virtual Result<std::size_t> move_nothing(Direction) { return 0; }
  /// Moves bytes between the file and `buffer`, which is not empty, and advances `buffer`. Returns
  /// the number of bytes, which may be less than the buffer has. A read returns 0 at the end of the
  /// file. would_block: it can move none now, or the buffer needs a page-in.
  virtual Result<std::size_t> try_read(IoBuffer& buffer);
  virtual Result<std::size_t> try_write(IoBuffer& buffer);

  /// Like try_read() and try_write(), at `offset` (pread64, pwrite64). ESPIPE: the file has no
  /// positions.
  virtual Result<std::size_t> read_at(std::uint64_t offset, IoBuffer& buffer);
  virtual Result<std::size_t> write_at(std::uint64_t offset, IoBuffer& buffer);

  // The same, for callers that share the strand (async/strand.h), between the file and the kernel's
  // view of a program's page (found_bytes.h). They answer the usual case. would_block: try again in
  // the strand.

  virtual Result<std::size_t> read_sharing(const ReadBytes&) { return fail(Errno::would_block); }
  virtual Result<std::size_t> write_sharing(const WrittenBytes&) {
    return fail(Errno::would_block);
  }
  virtual Result<std::size_t> read_at_sharing(std::uint64_t, const ReadBytes&) {
    return fail(Errno::would_block);
  }
  virtual Result<std::size_t> write_at_sharing(std::uint64_t, const WrittenBytes&) {
    return fail(Errno::would_block);
  }
  virtual Result<short> readiness_sharing() { return fail(Errno::would_block); }
  /// Lets the running job, whose coroutine is `reader`, wait for bytes. Returns false if the job
  /// need not wait, or must wait in the strand.
  virtual bool wait_sharing(std::coroutine_handle<>) { return false; }
  /// Whether watch_sharing() and readiness_sharing() usually succeed. Only the strand changes the
  /// answer.
  virtual bool is_watched_sharing() { return false; }
  /// Lets `watcher` observe changes(Direction::read) by `reader`. Returns false if that needs the
  /// strand, or if the file may be ready, unless `while_ready`.
  virtual bool watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready);
  virtual void stop_sharing(async::Observer& reader);
  /// The file has no owners any more. Does what others see of its end, for example that a pipe has
  /// no reader, so that the destructor only frees little memory. False: the destructor does that,
  /// and must not be late.
  virtual bool end_sharing() { return false; }
  /// Whether the destructor may run while harts share the strand, if no other hart uses the file.
  virtual bool may_destroy_sharing() { return false; }

  /// Sets the position and returns it (lseek). ESPIPE: the file has no positions. would_block: the
  /// call must be made in the strand.
  virtual Result<std::int64_t> seek(std::int64_t offset, int whence);
  virtual Result<> resize(std::uint64_t size);

  /// Moves bytes between the file and `buffer`, at `offset`, or at the file's position, which then
  /// advances. The result is that of try_read() and try_write().
  virtual async::Task<Result<std::size_t>> transfer(Direction direction,
                                                    std::optional<std::uint64_t> offset,
                                                    IoBuffer buffer);
  /// Waits until all written data is on the disk (fsync).
  virtual async::Task<Result<>> sync();

  /// The contents of an immutable file in memory, for execve and mmap. Valid for ever. ENODEV: the
  /// file has none.
  virtual Result<std::span<const std::byte>> bytes();

  /// The pages of a writable file in memory, for mmap. ENODEV: the file has none.
  virtual Result<Ref<memory::TrackedObject>> mapping();
  /// fallocate(2) within [offset, offset + length), of at most one step's bytes unless it punches a
  /// hole. EOPNOTSUPP: the file or the mode does not support it.
  virtual Result<> allocate(std::uint64_t offset, std::uint64_t length, int mode);
  /// The seals of memfd_create, abi::f_seal_*. EINVAL: the file has none. EPERM, EBUSY.
  virtual Result<unsigned> seals();
  virtual Result<> add_seals(unsigned seals);

  /// The pages of a file on a device, for mmap. ENODEV: the file has none.
  virtual Result<Ref<memory::PageSource>> pages();

  /// Copies of the pages before `end`, made when they are read, for a segment of a program whose
  /// contents may change: the page with `end` has zeros behind it. ENODEV: the file is no such
  /// file.
  virtual Result<Ref<memory::PageSource>> pages_until(std::uint64_t end);

  /// The interrupt line of the file's device; `none` if it has no device.
  virtual hal::Irq interrupt_line() { return hal::Irq::none; }

  /// list() for a directory that waits for a device.
  virtual async::Task<Result<std::size_t>> transfer_entries(IoBuffer buffer);
  /// Puts directory entries in the format of getdents64. Returns 0 after the last one. A caller
  /// that shares the strand passes a buffer in one page, which needs no fault.
  virtual Result<std::size_t> list(IoBuffer& buffer);

  // ── Waiting ──

  /// The abi::poll* bits that are set now.
  virtual short readiness();
  /// The list that is woken when readiness() may have gained a bit of this direction. Null:
  /// readiness() never changes.
  virtual async::WaitList* changes(Direction) { return nullptr; }
  /// Whether epoll may watch the file.
  virtual bool can_poll() {
    return changes(Direction::read) != nullptr || changes(Direction::write) != nullptr;
  }

  // ── Properties ──

  virtual abi::Stat status() = 0;
  /// ioctl(2). `argument` is the program's: an address in `space`, or a number.
  virtual Result<int> control(memory::AddressSpace& space, unsigned long request,
                              std::uintptr_t argument);
  /// Opens the terminal whose device this file is (TIOCGPTPEER). ENOTTY: it is no terminal; EIO: it
  /// is one, but not the device.
  virtual Result<Ref<File>> open_peer(int flags);
  /// The capacity of a pipe in bytes (F_GETPIPE_SZ). EBADF for all other files.
  virtual Result<int> pipe_capacity();

  /// Opens the object of this file again, which has no node, with openat's flags: another open file
  /// description (/proc/PID/fd). ENXIO: that is not possible; ENOMEM.
  virtual Result<Ref<File>> reopen(int flags);

  /// The list on which open() waits until the FIFO's other end is opened. Null: it need not wait.
  virtual async::WaitList* partner() { return nullptr; }
  /// Of an end of a pipe or a FIFO; null for other files.
  virtual class Pipe* pipe() { return nullptr; }

  /// The owner of the file's locks of its node (file_locks.h), until its end. In the strand.
  /// ENOLCK: no memory.
  Result<class LockOwner*> make_lock_owner();
  /// The same; null if no lock was ever wanted.
  class LockOwner* lock_owner() const { return ties_ != nullptr ? ties_->lock_owner : nullptr; }
  /// The signal that the file sends when it becomes ready. Null: it never had one.
  ReadinessSignal* readiness_signal() const {
    return ties_ != nullptr ? ties_->readiness_signal : nullptr;
  }
  /// Gives the file its signal, which `make` returns and which ends with the file. The caller has
  /// checked that there is memory for it. In the strand. ENOMEM.
  template <class Make>
  Result<> add_readiness_signal(Make&& make) {
    if (auto made = make_ties(); !made) return made;
    ties_->readiness_signal = make();
    return {};
  }
  /// Lets an item of an epoll file know the end of this file (epoll.h). In the strand. ENOMEM.
  Result<> add_watch(class EpollItem& item);
  void remove_watch(EpollItem& item);
  /// The first of the items; null: no epoll file watches this one.
  EpollItem* first_watch() const { return ties_ != nullptr ? ties_->first_watch : nullptr; }
  /// For a file that stands for a process (pidfd_open); else null.
  virtual class EndWatch* end_watch() { return nullptr; }
  /// Of a socket; else null.
  virtual class Socket* socket() { return nullptr; }
  /// For a timer (timerfd_create); else null.
  virtual class TimerFile* timer() { return nullptr; }
  /// For a file of signals (signalfd); else null.
  virtual class SignalFile* signals() { return nullptr; }
  /// For an inotify file; else null.
  virtual class Inotify* inotify() { return nullptr; }
  /// For a POSIX message queue; else null.
  virtual class MessageFile* messages() { return nullptr; }
  /// For an epoll file; else null.
  virtual class Epoll* epoll() { return nullptr; }
  /// What /proc/PID/fd says of a file without a node that is no pipe, such as `[eventfd]`.
  virtual std::string_view unnamed_kind() { return "[unknown]"; }
  /// Appends lines about the file that its kind adds to /proc/PID/fdinfo.
  virtual void describe(memory::PagedText&) {}

  /// The node that was opened. Null for pipes.
  virtual class Node* node() { return nullptr; }

 protected:
  struct WaitsForDevice {};
  File(int flags, WaitsForDevice) : File{flags} { let_wait_for_device(); }

  /// The result of seek() for a file of `end` bytes with the position `at`. The file has no holes.
  /// EINVAL; ENXIO.
  static Result<std::int64_t> find_place(std::int64_t offset, int whence, std::uint64_t at,
                                         std::uint64_t end);

 private:
  /// What must end before the file does.
  struct Ties {
    LockOwner* lock_owner = nullptr;  // owned
    EpollItem* first_watch = nullptr;
    ReadinessSignal* readiness_signal = nullptr;  // owned
  };
  Result<> make_ties();
  [[gnu::cold]] void end_ties();
  /// The end of a file without owners, in the strand.
  static void end(File* file) {
    if (file->ties_ != nullptr) [[unlikely]]
      file->end_ties();
    delete file;
  }

  Ties* ties_ = nullptr;                             // owned; null: there never were any
  async::SharedWord<bool> had_other_table_ = false;  // processes may set it at the same time
};

}  // namespace kernel
