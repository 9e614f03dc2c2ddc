// The system calls, as typed functions. Arguments are decoded from registers, and results are
// encoded into one (trap/syscall_table.h). Names, meanings and errors are Linux's (section 2 of its
// manual). The calls about files are in files.h.
//
// trap/syscall_table.h explains the forms of a handler. All of it runs in the strand, for the
// thread that makes the call.
//
// The comment above each call is its row in docs/reference/system-calls.md:
//
//   /// flags: the flags that the call accepts; the error for all others
//   /// linux: how the call differs from Linux's manual page, or "none known"
//
// A call without flags has no line `flags:`. Further lines of a text are indented. After a change
// run `/usr/bin/python3 cmake/tools/reference.py`.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/async.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "process/syscall_table.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

using memory::UserPtr;
using memory::UserSpan;

// ── process.cpp, execve.cpp, wait.cpp: creating, ending and waiting for processes and threads ──

/// flags: CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_VFORK, CLONE_PARENT,
///   CLONE_THREAD, CLONE_SYSVSEM, CLONE_SETTLS, CLONE_PARENT_SETTID, CLONE_CHILD_CLEARTID,
///   CLONE_CHILD_SETTID, CLONE_DETACHED, CLONE_UNTRACED, CLONE_PIDFD; EINVAL for others
/// linux: Namespaces, CLONE_PTRACE, CLONE_IO, and CLONE_PIDFD with CLONE_THREAD fail with EINVAL.
///   CLONE_DETACHED and CLONE_UNTRACED have no effect, and neither has CLONE_SYSVSEM: the threads
///   of a process share what SEM_UNDO undoes, and processes do not. The parent gets SIGCHLD,
///   whatever exit signal the low byte has. A clone beyond 131,072 processes and threads fails with
///   EAGAIN. On the hosted machine a copy of the memory (no CLONE_VM) fails with ENOSYS.
trap::Answer<Result<int>> clone(Thread&, std::uint64_t flags, std::uintptr_t stack,
                                std::uintptr_t parent_tid, std::uintptr_t thread_pointer,
                                std::uintptr_t child_tid);

/// flags: as `clone`, and CLONE_CLEAR_SIGHAND
/// linux: As `clone`. A program cannot choose the child's number (EPERM), and CLONE_INTO_CGROUP
///   fails with EINVAL. The exit signal is checked, but the parent gets SIGCHLD.
trap::Answer<Result<int>> clone3(Thread&, std::uintptr_t arguments, std::size_t size);

/// linux: A program in /tmp or in a folder of the host gets the bytes that the file has when a page
///   is first accessed: a program that runs can be opened for writing. On the hosted machine and
///   without an MMU, a program in /tmp fails with EACCES. Arguments and environment have at most a
///   quarter of RLIMIT_STACK, but 128 KiB at least and 6 MiB at most, and never more than half of
///   the stack; more fails with E2BIG. Set-user-ID bits have no effect.
async::Task<Result<>> execve(Thread&, UserPtr<const char> path, std::uintptr_t arguments,
                             std::uintptr_t environment);

/// linux: none known
Result<> exit(Thread&, int code);

/// linux: none known
Result<> exit_group(Thread&, int code);

/// flags: WNOHANG, WUNTRACED, WCONTINUED, __WALL, __WCLONE, __WNOTHREAD; EINVAL for others
/// linux: __WALL, __WCLONE and __WNOTHREAD have no effect. Of the resource usage only the user time
///   is not 0. If the kernel cannot write the status, the child remains a zombie; Linux drops it.
trap::Answer<Result<int>> wait4(Thread&, int id, UserPtr<int> status, int options,
                                UserPtr<abi::ResourceUsage> usage);

/// linux: none known
Result<int> set_tid_address(Thread&, std::uintptr_t address);

/// linux: none known
Result<> set_robust_list(Thread&, std::uintptr_t head, std::size_t size);

// ── restartable_sequences.cpp ──

/// flags: 0, rseq_unregister; EINVAL for others
/// linux: An area has at most 65,535 bytes. The concurrency ID is the number of the hart, and the
///   node is 0.
Result<> rseq(Thread&, std::uintptr_t area, std::uint32_t bytes, int flags,
              std::uint32_t signature);

// ── identity.cpp: process groups and sessions (and identity.h) ──

/// linux: A thread that is not the first of its process fails with ESRCH.
Result<int> getpgid(Thread&, int id);

/// linux: A thread that is not the first of its process fails with ESRCH.
Result<int> getsid(Thread&, int id);

/// linux: none known
Result<> setpgid(Thread&, int id, int group);

/// linux: none known
Result<int> setsid(Thread&);

// ── signals.cpp ──

/// linux: A signal to the first process has no effect unless that process sends it.
Result<> kill(Thread&, int id, int signal);

/// linux: As `kill`.
Result<> tkill(Thread&, int thread, int signal);

/// linux: As `kill`.
Result<> tgkill(Thread&, int process, int thread, int signal);

/// flags: SA_NOCLDSTOP, SA_NOCLDWAIT, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SA_SIGINFO;
///   others have no effect
/// linux: none known
Result<> rt_sigaction(Thread&, int signal, UserPtr<const abi::SignalAction> action,
                      UserPtr<abi::SignalAction> old, std::size_t set_size);

/// flags: SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK; EINVAL for others
/// linux: none known
Result<> rt_sigprocmask(Thread&, int how, UserPtr<const abi::SignalSet> set,
                        UserPtr<abi::SignalSet> old, std::size_t set_size);

/// linux: none known
Result<> rt_sigpending(Thread&, UserPtr<abi::SignalSet> out, std::size_t set_size);

/// linux: none known
trap::Answer<Result<int>> rt_sigtimedwait(Thread&, UserPtr<const abi::SignalSet> set,
                                          UserPtr<abi::PaddedSignalInfo> info,
                                          UserPtr<const abi::Timespec> timeout,
                                          std::size_t set_size);

/// linux: A frame of a handler that cannot be read ends the process with SIGSEGV, which no handler
///   can take.
trap::Register rt_sigreturn(Thread&);

/// flags: SS_ONSTACK, SS_DISABLE, SS_AUTODISARM; EINVAL for others
/// linux: The least size is 2,048 bytes.
Result<> sigaltstack(Thread&, UserPtr<const abi::SignalStack> wanted,
                     UserPtr<abi::SignalStack> old);

/// linux: none known
trap::Answer<Result<>> rt_sigsuspend(Thread&, UserPtr<const abi::SignalSet> set,
                                     std::size_t set_size);

// ── memory.cpp ──

/// linux: RLIMIT_AS limits the heap. RLIMIT_DATA has no effect. The heap begins right behind the
///   program.
trap::Answer<std::uintptr_t> brk(Thread&, std::uintptr_t end);

/// flags: MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_POPULATE;
///   others have no effect
/// linux: MAP_SHARED_VALIDATE fails with EINVAL. A shared mapping fails with ENODEV for a disk, and
///   for a file of the host that is open for appending. A mapping of a file in /proc fails with
///   ENODEV, too, and on machines without an MMU that of a file in /tmp. A private writable mapping
///   larger than the machine's memory fails with ENOMEM. A MAP_GROWSDOWN mapping does not grow.
trap::Answer<Result<std::uintptr_t>> mmap(Thread&, std::uintptr_t address, std::size_t length,
                                          int access, int flags, int fd, std::int64_t offset);

/// linux: none known
trap::Answer<Result<>> munmap(Thread&, std::uintptr_t address, std::size_t length);

/// flags: PROT_NONE, PROT_READ, PROT_WRITE, PROT_EXEC, PROT_SEM; EINVAL for others
/// linux: PROT_GROWSDOWN and PROT_GROWSUP fail with EINVAL.
trap::Answer<Result<>> mprotect(Thread&, std::uintptr_t address, std::size_t length, int access);

/// flags: the numbers 0 to 25 without 5, 6 and 7; all but MADV_DONTNEED have no effect; EINVAL for
///   others
/// linux: Every known number other than MADV_DONTNEED answers 0 and has no effect. So
///   MADV_FREE keeps the pages, and MADV_REMOVE, MADV_DONTFORK and MADV_POPULATE_WRITE do
///   nothing.
trap::Answer<Result<>> madvise(Thread&, std::uintptr_t address, std::size_t length, int advice);

/// flags: all; none has an effect
/// linux: The call always flushes for the whole address space and for all harts. An unknown flag
///   is no error.
Result<> riscv_flush_icache(Thread&, std::uintptr_t start, std::uintptr_t end, std::uint64_t flags);

// ── time.cpp ──

/// flags: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
///   CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, and the
///   clocks of processes and threads; EINVAL for others
/// linux: CLOCK_TAI and the alarm clocks fail with EINVAL. The coarse clocks are as fine as the
///   others. Each clock of a process or thread counts all of its time, also if the clock's number
///   asks for user time only.
Result<> clock_gettime(Thread&, int clock, UserPtr<abi::Timespec> time);

/// flags: The clocks of clock_gettime; EINVAL for others
/// linux: The answer is 1 ns for every clock, also where the machine's clock is coarser.
Result<> clock_getres(Thread&, int clock, UserPtr<abi::Timespec> resolution);

/// linux: The call ignores the time zone argument and does not write it.
Result<> gettimeofday(Thread&, UserPtr<abi::Timeval> time, std::uintptr_t zone);

/// linux: none known
trap::Answer<Result<>> nanosleep(Thread&, UserPtr<const abi::Timespec> length,
                                 UserPtr<abi::Timespec> left);

/// flags: TIMER_ABSTIME; clocks CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
///   CLOCK_PROCESS_CPUTIME_ID, and the clocks of processes and of other threads; EINVAL for the
///   caller's own thread and for clocks that do not exist, ENOTSUP for others
/// linux: A sleep by CPU time ends up to 10 ms late.
trap::Answer<Result<>> clock_nanosleep(Thread&, int clock, int flags,
                                       UserPtr<const abi::Timespec> time,
                                       UserPtr<abi::Timespec> left);

// ── scheduling.cpp (and identity.h: sched_yield) ──

/// flags: SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, each with
///   SCHED_RESET_ON_FORK; EINVAL for others
/// linux: The priorities 1 to 99 share seven levels of the executor, so threads with close
///   priorities are equally urgent. A hart throttles real-time threads that keep it for 950 ms
///   from ready threads, on that hart only.
Result<> sched_setscheduler(Thread&, int id, int policy, UserPtr<const abi::SchedParam> param);

/// linux: none known
Result<int> sched_getscheduler(Thread&, int id);

/// linux: As sched_setscheduler: the priorities 1 to 99 share seven levels.
Result<> sched_setparam(Thread&, int id, UserPtr<const abi::SchedParam> param);

/// linux: none known
Result<> sched_getparam(Thread&, int id, UserPtr<abi::SchedParam> param);

/// flags: The policies of sched_setscheduler, and SCHED_DEADLINE; EINVAL for others
/// linux: none known
Result<int> sched_get_priority_max(Thread&, int policy);

/// flags: The policies of sched_setscheduler, and SCHED_DEADLINE; EINVAL for others
/// linux: none known
Result<int> sched_get_priority_min(Thread&, int policy);

/// linux: The answer is 40 ms for SCHED_BATCH and SCHED_IDLE, 0 for SCHED_FIFO and 10 ms for
///   every other policy.
Result<> sched_rr_get_interval(Thread&, int id, UserPtr<abi::Timespec> interval);

/// linux: none known
Result<int> sched_getaffinity(Thread&, int id, std::size_t size, std::uintptr_t mask);

/// linux: The call reads only the first eight bytes of the mask: there are 64 harts at most.
trap::Answer<Result<>> sched_setaffinity(Thread&, int id, std::size_t size, std::uintptr_t mask);

/// linux: The node is always 0.
Result<> getcpu(Thread&, UserPtr<std::uint32_t> hart, UserPtr<std::uint32_t> node);

/// flags: PRIO_PROCESS, PRIO_PGRP, PRIO_USER; EINVAL for others
/// linux: There is one user: PRIO_USER fails with ESRCH for numbers other than 0.
Result<> setpriority(Thread&, int which, int id, int nice);

/// flags: PRIO_PROCESS, PRIO_PGRP, PRIO_USER; EINVAL for others
/// linux: There is one user: PRIO_USER fails with ESRCH for numbers other than 0.
Result<int> getpriority(Thread&, int which, int id);

// ── sched_attr.cpp ──

/// flags: 0 as the call's flags; in the structure SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_RECLAIM,
///   SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS; EINVAL for others
/// linux: SCHED_FLAG_RECLAIM and SCHED_FLAG_DL_OVERRUN have no effect. The utilisation clamps
///   fail with ENOTSUP. All reservations together may take 95 % of the harts; more fails with
///   EBUSY. Priorities are as in sched_setscheduler.
Result<> sched_setattr(Thread&, int id, std::uintptr_t attributes, unsigned flags);

/// flags: 0; EINVAL for others
/// linux: Of the flags the answer has only SCHED_FLAG_RESET_ON_FORK.
Result<> sched_getattr(Thread&, int id, std::uintptr_t attributes, std::size_t size,
                       unsigned flags);

// ── system.cpp ──

/// linux: The system is Cotrap, the node cotrap, until sethostname, and the release 6.1.0-cotrap.
Result<> uname(Thread&, UserPtr<abi::Utsname> name);

/// linux: Only the uptime, the total and free memory, the number of threads and the unit are not
///   0.
Result<> sysinfo(Thread&, UserPtr<abi::Sysinfo> info);

/// flags: RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_FSIZE, RLIMIT_CPU,
///   RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING; the kernel stores the other resources; EINVAL for numbers
///   from 16 up
/// linux: The stored resources have no effect. RLIMIT_NOFILE is 65,536 at most (EPERM). The next
///   program's stack has 256 KiB at least and 64 MiB at most. Signals of RLIMIT_CPU come up to 10
///   ms late. RLIMIT_SIGPENDING is unlimited at first.
Result<> prlimit64(Thread&, int id, int resource, UserPtr<const abi::ResourceLimit> limit,
                   UserPtr<abi::ResourceLimit> old);

/// flags: RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD; EINVAL for others
/// linux: All processor time counts as user time. Every other field is 0.
Result<> getrusage(Thread&, int who, UserPtr<abi::ResourceUsage> usage);

/// flags: GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE; EINVAL for others
/// linux: The call never waits for entropy and never answers EAGAIN. With --icount the numbers
///   are the same in every run.
trap::Answer<Result<std::size_t>> getrandom(Thread&, UserSpan<std::byte> to, unsigned flags);

}  // namespace kernel::sys
