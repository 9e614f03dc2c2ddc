// System calls outside the strand: handlers that answer the usual case of a call while several
// harts run (trap::SyscallTable::outside). For every other case they return would_block and have
// changed nothing; the call's handler then makes the call in the strand.
//
// A handler that reads data of the strand shares it meanwhile (async::Strand::Sharing). It writes
// only the program's memory, data behind a LeafLock, and data of its process that no other hart can
// use while the strand is shared.
// It tells the allocators that it shares the strand (Sharing::tell()), or allocates nothing.
//
// A handler whose call must wait keeps the sharing, leaves in Thread::waiting() what it waits for,
// and returns would_block.
#pragma once

#include <async/executor.h>
#include <async/strand.h>

#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"

namespace kernel::sys::outside {

/// Whether the caller may wake jobs while it shares the strand: they must not be watched(). If they
/// are, the executor has events.
inline bool may_wake() {
  return !async::current_executor().has_events();
}
/// Whether the thread may wait in steps that share the strand.
inline bool may_wait(const Thread& self) {
  return self.shared_priority() == 0 && may_wake();
}

/// The running step enters the strand, unless it is already there.
inline void enter_strand() {
  if (async::Strand::is_shared()) async::Strand::stop_sharing();
}

/// Makes a call by its own handler, while the thread shares the strand. The handler writes only
/// what sharing code may write (docs/harts.md). If it needs a page fault, it returns would_block,
/// and the kernel makes the call again in the strand.
template <auto handler>
struct Shared;
template <class Value, class... Arguments, Value (*handler)(Thread&, Arguments...)>
struct Shared<handler> {
  static Value answer(Thread& self, Arguments... arguments) {
    async::Strand::Sharing sharing;
    sharing.tell();
    return handler(self, arguments...);
  }
};

/// Like Shared, for a handler that may leave a wait (Thread::waiting()). The wait begins while the
/// thread shares the strand.
template <auto handler>
struct Waiting;
template <class Value, class... Arguments, Value (*handler)(Thread&, Arguments...)>
struct Waiting<handler> {
  static Value answer(Thread& self, Arguments... arguments) {
    if (!may_wait(self)) return trap::would_block;
    async::Strand::Sharing sharing;
    sharing.tell();
    Value answer = handler(self, arguments...);
    if (!self.waiting().empty()) sharing.keep();
    return answer;
  }
};

// Calls that ask in their usual form, and otherwise change something that needs the strand.

/// Starts a thread, or copies a small process with one thread and without a ring.
trap::Answer<Result<int>> clone(Thread&, std::uint64_t flags, std::uintptr_t stack,
                                std::uintptr_t parent_tid, std::uintptr_t thread_pointer,
                                std::uintptr_t child_tid);
/// The thread then ends while its hart shares the strand, if it has no ring, no locks, and, as the
/// last thread, no children.
trap::Answer<Result<>> exit(Thread&, int code);
/// In a process with one thread.
trap::Answer<Result<>> exit_group(Thread&, int code);
/// Without a new limit.
trap::Answer<Result<>> prlimit64(Thread&, int id, int resource,
                                 UserPtr<const abi::ResourceLimit> limit,
                                 UserPtr<abi::ResourceLimit> old);
/// Signal 0.
trap::Answer<Result<>> kill(Thread&, int id, int signal);
/// Of a child, without its resource usage. The status lies in one page, which needs no fault. The
/// call may wait.
trap::Answer<Result<int>> wait4(Thread&, int id, UserPtr<int> status, int options,
                                UserPtr<abi::ResourceUsage> usage);
/// Up to eight regular files and pipes, if one of them is ready or the call need not wait.
trap::Answer<Result<int>> ppoll(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                UserPtr<const abi::Timespec> timeout,
                                UserPtr<const abi::SignalSet> mask, std::size_t mask_size);

/// While no signal is pending.
trap::Answer<Result<>> rt_sigprocmask(Thread&, int how, UserPtr<const abi::SignalSet> set,
                                      UserPtr<abi::SignalSet> old, std::size_t set_size);
/// Up to 256 bytes in one page.
trap::Answer<Result<std::size_t>> getrandom(Thread&, UserSpan<std::byte> to, unsigned flags);
/// In regular files.
trap::Answer<Result<std::int64_t>> lseek(Thread&, int fd, std::int64_t offset, int whence);
/// To a buffer in one page, from a directory that only the thread has open.
trap::Answer<Transfer> getdents64(Thread&, int fd, UserSpan<std::byte> to);

// Transfers to or from a buffer that lies in one page, which needs no fault. A read from a pipe may
// wait.
trap::Answer<Transfer> read(Thread&, int fd, UserSpan<std::byte> to);
trap::Answer<Transfer> write(Thread&, int fd, UserSpan<const std::byte> from);
trap::Answer<Transfer> pread64(Thread&, int fd, UserSpan<std::byte> to, std::int64_t offset);
trap::Answer<Transfer> pwrite64(Thread&, int fd, UserSpan<const std::byte> from,
                                std::int64_t offset);

// Changes of private memory, without a file or with one in memory. These run the call's handler,
// while the strand is shared. If other threads or processes use the memory, a range of more than 64
// pages needs the strand. Memory for instructions needs it, too.
trap::Answer<std::uintptr_t> brk(Thread&, std::uintptr_t end);
trap::Answer<Result<std::uintptr_t>> mmap(Thread&, std::uintptr_t address, std::size_t length,
                                          int access, int flags, int fd, std::int64_t offset);
trap::Answer<Result<>> munmap(Thread&, std::uintptr_t address, std::size_t length);
trap::Answer<Result<>> mprotect(Thread&, std::uintptr_t address, std::size_t length, int access);
trap::Answer<Result<>> madvise(Thread&, std::uintptr_t address, std::size_t length, int advice);

// Changes of descriptors. pipe2 and fcntl run the handlers of their calls. openat opens regular
// files that exist, and creates files. It finishes in the strand if only the table of descriptors
// needs memory.
trap::Answer<Result<int>> openat(Thread&, int directory, UserPtr<const char> path, int flags,
                                 unsigned mode);
trap::Answer<Result<>> close(Thread&, int fd);
trap::Answer<Result<>> pipe2(Thread&, UserPtr<int> ends, int flags);
/// Not F_SETFL.
trap::Answer<Result<int>> fcntl(Thread&, int fd, int command, std::uintptr_t argument);

/// The clocks of the time since boot and of the day.
trap::Answer<Result<>> clock_gettime(Thread&, int clock, UserPtr<abi::Timespec> time);

/// Answers at once if no ready job of this hart may run before the thread. Otherwise keeps the
/// sharing and returns would_block: the thread yields while the hart shares the strand.
trap::Answer<Result<>> sched_yield(Thread&);

/// FUTEX_WAIT, and a wake of one thread.
trap::Answer<Result<int>> futex(Thread&, std::uintptr_t address, int operation, std::uint32_t value,
                                std::uintptr_t timeout, std::uintptr_t address2,
                                std::uint32_t value3);

}  // namespace kernel::sys::outside
