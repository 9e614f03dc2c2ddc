// The system calls, as typed functions. Arguments are what the registers hold, results what goes
// back (trap/syscall_table.h); names, meanings and errors are Linux's (section 2 of its manual).
// Those of files are in files.h.
//
// Called by run_thread, for the thread that makes the call.
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/async.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "syscalls/user_arguments.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

using memory::UserPtr;
using memory::UserSpan;

// ── process.cpp: making, ending and awaiting processes and threads ──

trap::Attempt<Result<int>> try_clone(Thread&, std::uint64_t flags, std::uintptr_t stack,
                                     std::uintptr_t parent_tid, std::uintptr_t thread_pointer,
                                     std::uintptr_t child_tid);
async::Task<Result<int>> clone(Thread&, std::uint64_t flags, std::uintptr_t stack,
                               std::uintptr_t parent_tid, std::uintptr_t thread_pointer,
                               std::uintptr_t child_tid);
async::Task<Result<>> execve(Thread&, UserPtr<const char> path, std::uintptr_t arguments,
                             std::uintptr_t environment);
Result<> exit(Thread&, int code);
Result<> exit_group(Thread&, int code);
async::Task<Result<int>> wait4(Thread&, int id, UserPtr<int> status, int options,
                               UserPtr<abi::ResourceUsage> usage);
Result<int> set_tid_address(Thread&, std::uintptr_t address);
Result<> set_robust_list(Thread&, std::uintptr_t head, std::size_t size);

// ── identity.cpp: who am I (and identity.h) ──

Result<int> getpgid(Thread&, int id);
Result<int> getsid(Thread&, int id);
Result<> setpgid(Thread&, int id, int group);
Result<int> setsid(Thread&);

// ── signals.cpp ──

Result<> kill(Thread&, int id, int signal);
Result<> tkill(Thread&, int thread, int signal);
Result<> tgkill(Thread&, int process, int thread, int signal);
Result<> rt_sigaction(Thread&, int signal, UserPtr<const abi::SignalAction> action,
                      UserPtr<abi::SignalAction> old, std::size_t set_size);
/// The same without the program's memory: what it was before.
Result<abi::SignalAction> set_signal_action(Thread&, int signal,
                                            const std::optional<abi::SignalAction>& wanted);
Result<> rt_sigprocmask(Thread&, int how, UserPtr<const abi::SignalSet> set,
                        UserPtr<abi::SignalSet> old, std::size_t set_size);

// ── memory.cpp ──

trap::Attempt<std::uintptr_t> try_brk(Thread&, std::uintptr_t end);
async::Task<std::uintptr_t> brk(Thread&, std::uintptr_t end);
trap::Attempt<Result<std::uintptr_t>> try_mmap(Thread&, std::uintptr_t address, std::size_t length,
                                               int access, int flags, int fd, std::int64_t offset);
async::Task<Result<std::uintptr_t>> mmap(Thread&, std::uintptr_t address, std::size_t length,
                                         int access, int flags, int fd, std::int64_t offset);
trap::Attempt<Result<>> try_munmap(Thread&, std::uintptr_t address, std::size_t length);
async::Task<Result<>> munmap(Thread&, std::uintptr_t address, std::size_t length);
Result<> mprotect(Thread&, std::uintptr_t address, std::size_t length, int access);
trap::Attempt<Result<>> try_madvise(Thread&, std::uintptr_t address, std::size_t length,
                                    int advice);
async::Task<Result<>> madvise(Thread&, std::uintptr_t address, std::size_t length, int advice);
Result<> riscv_flush_icache(Thread&, std::uintptr_t start, std::uintptr_t end, std::uint64_t flags);

// ── time.cpp ──

Result<> clock_gettime(Thread&, int clock, UserPtr<abi::Timespec> time);
Result<> clock_getres(Thread&, int clock, UserPtr<abi::Timespec> resolution);
Result<> gettimeofday(Thread&, UserPtr<abi::Timeval> time, std::uintptr_t zone);
async::Task<Result<>> nanosleep(Thread&, UserPtr<const abi::Timespec> length,
                                UserPtr<abi::Timespec> left);
/// What both do: until `deadline`; if it is cut short, `left` is what was left.
async::Task<Result<>> sleep_until(Thread&, async::Instant deadline, UserPtr<abi::Timespec> left);
async::Task<Result<>> clock_nanosleep(Thread&, int clock, int flags,
                                      UserPtr<const abi::Timespec> time,
                                      UserPtr<abi::Timespec> left);

// ── scheduling.cpp ──

trap::Attempt<Result<>> sched_yield(Thread&);  // must wait: gives way to others
Result<> sched_setscheduler(Thread&, int id, int policy, UserPtr<const abi::SchedParam> param);
Result<int> sched_getscheduler(Thread&, int id);
Result<> sched_setparam(Thread&, int id, UserPtr<const abi::SchedParam> param);
Result<> sched_getparam(Thread&, int id, UserPtr<abi::SchedParam> param);
Result<int> sched_get_priority_max(Thread&, int policy);
Result<int> sched_get_priority_min(Thread&, int policy);
Result<> sched_rr_get_interval(Thread&, int id, UserPtr<abi::Timespec> interval);
Result<int> sched_getaffinity(Thread&, int id, std::size_t size, std::uintptr_t mask);
trap::Attempt<Result<>> sched_setaffinity(Thread&, int id, std::size_t size, std::uintptr_t mask);
Result<> getcpu(Thread&, UserPtr<std::uint32_t> hart, UserPtr<std::uint32_t> node);
Result<> setpriority(Thread&, int which, int id, int nice);
Result<int> getpriority(Thread&, int which, int id);

// ── sched_attr.cpp ──

Result<> sched_setattr(Thread&, int id, std::uintptr_t attributes, unsigned flags);
Result<> sched_getattr(Thread&, int id, std::uintptr_t attributes, std::size_t size,
                       unsigned flags);

// ── system.cpp ──

Result<> uname(Thread&, UserPtr<abi::Utsname> name);
Result<> sysinfo(Thread&, UserPtr<abi::Sysinfo> info);
Result<> prlimit64(Thread&, int id, int resource, UserPtr<const abi::ResourceLimit> limit,
                   UserPtr<abi::ResourceLimit> old);
Result<> getrusage(Thread&, int who, UserPtr<abi::ResourceUsage> usage);
trap::Attempt<Result<std::size_t>> try_getrandom(Thread&, UserSpan<std::byte> to, unsigned flags);
async::Task<Result<std::size_t>> getrandom(Thread&, UserSpan<std::byte> to, unsigned flags);

}  // namespace kernel::sys
