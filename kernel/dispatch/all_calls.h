// The table of all system calls by number, for fast path and slow path and for all machines. The
// form of an entry decides whether the call has a fast path (trap/fast_path.h).
#pragma once

#include <abi/numbers.h>

#include "dispatch/dispatch.h"
#include "process/syscall_table.h"
#include "process/thread.h"
#include "rings/uring_calls.h"
#include "syscalls/calls.h"
#include "syscalls/epoll.h"
#include "syscalls/files.h"
#include "syscalls/futex.h"
#include "syscalls/identity.h"
#include "syscalls/outside.h"

namespace kernel {

/// Calls with numbers above Linux's: private calls and compat calls.
trap::Register call_beyond(Thread& self, const trap::UserContext& context);

using abi::Call;
using sys::outside::Changing;
using sys::outside::may_advise, sys::outside::may_map, sys::outside::may_move_break;
using sys::outside::may_protect, sys::outside::may_unmap;
using sys::outside::Shared;
using trap::CallForm::no_fast_path;
using trap::CallForm::no_resched;

inline constexpr SyscallTable syscall_table =
    SyscallTable{unknown_call, call_beyond}

        // processes and threads
        .with_outside<sys::clone, Shared>(Call::clone, no_fast_path)
        .with_outside<sys::clone3, Shared>(Call::clone3, no_fast_path)
        .with<sys::execve>(Call::execve)
        .with_outside<sys::exit, Shared>(Call::exit, no_fast_path)
        .with_outside<sys::exit_group, Shared>(Call::exit_group, no_fast_path)
        .with_outside<sys::wait4, Shared>(Call::wait4)
        .with<sys::set_tid_address>(Call::set_tid_address)
        .with<sys::set_robust_list>(Call::set_robust_list)
        .with_outside<sys::rseq, Shared>(Call::rseq)
        .with_outside<sys::futex<>, sys::futex<true>>(Call::futex)
        // identity
        .with_no_strand<sys::getpid>(Call::getpid)
        .with_no_strand<sys::getppid>(Call::getppid)
        .with_no_strand<sys::gettid>(Call::gettid)
        .with_no_strand<sys::getuid>(Call::getuid)
        .with_no_strand<sys::getuid>(Call::geteuid)
        .with_no_strand<sys::getuid>(Call::getgid)
        .with_no_strand<sys::getuid>(Call::getegid)
        .with_no_resched<sys::getpgid>(Call::getpgid)
        .with<sys::setpgid>(Call::setpgid)
        .with_no_resched<sys::getsid>(Call::getsid)
        .with<sys::setsid>(Call::setsid)
        // signals
        .with_outside<sys::kill, Shared>(Call::kill)
        .with<sys::tkill>(Call::tkill)
        .with<sys::tgkill>(Call::tgkill)
        .with<sys::rt_sigaction>(Call::rt_sigaction)
        .with_outside<sys::rt_sigprocmask, Shared>(Call::rt_sigprocmask)
        .with<sys::rt_sigpending>(Call::rt_sigpending)
        .with<sys::rt_sigreturn>(Call::rt_sigreturn, no_fast_path)
        .with<sys::rt_sigsuspend>(Call::rt_sigsuspend)
        .with<sys::rt_sigtimedwait>(Call::rt_sigtimedwait)
        .with<sys::sigaltstack>(Call::sigaltstack)
        // memory
        .with_outside<sys::brk, Changing<sys::brk, may_move_break>::answer>(Call::brk)
        .with_outside<sys::mmap, Changing<sys::mmap, may_map>::answer>(Call::mmap)
        .with_outside<sys::munmap, Changing<sys::munmap, may_unmap>::answer>(Call::munmap)
        .with_outside<sys::mprotect, Changing<sys::mprotect, may_protect>::answer>(Call::mprotect)
        .with_outside<sys::madvise, Changing<sys::madvise, may_advise>::answer>(Call::madvise)
        .with<sys::riscv_flush_icache>(Call::riscv_flush_icache)
        // time
        .with_outside<sys::clock_gettime, Shared>(Call::clock_gettime, no_resched)
        .with_no_resched<sys::clock_getres>(Call::clock_getres)
        .with_outside<sys::gettimeofday, Shared>(Call::gettimeofday, no_resched)
        .with_outside<sys::nanosleep, Shared>(Call::nanosleep)
        .with_outside<sys::clock_nanosleep, Shared>(Call::clock_nanosleep)
        // scheduling
        .with_outside<sys::sched_yield<>, sys::sched_yield<true>>(Call::sched_yield, no_resched)
        .with_outside<sys::sched_setscheduler, Shared>(Call::sched_setscheduler)
        .with_outside<sys::sched_getscheduler, Shared>(Call::sched_getscheduler, no_resched)
        .with_outside<sys::sched_setparam, Shared>(Call::sched_setparam)
        .with_outside<sys::sched_getparam, Shared>(Call::sched_getparam, no_resched)
        .with_outside<sys::sched_setattr, Shared>(Call::sched_setattr)
        .with_outside<sys::sched_getattr, Shared>(Call::sched_getattr)
        .with_outside<sys::sched_get_priority_max, Shared>(Call::sched_get_priority_max, no_resched)
        .with_outside<sys::sched_get_priority_min, Shared>(Call::sched_get_priority_min, no_resched)
        .with_outside<sys::sched_rr_get_interval, Shared>(Call::sched_rr_get_interval, no_resched)
        .with_outside<sys::sched_getaffinity, Shared>(Call::sched_getaffinity, no_resched)
        .with_outside<sys::sched_setaffinity, Shared>(Call::sched_setaffinity)
        .with_outside<sys::getcpu, Shared>(Call::getcpu, no_resched)
        .with_outside<sys::setpriority, Shared>(Call::setpriority)
        .with_outside<sys::getpriority, Shared>(Call::getpriority, no_resched)
        // files
        .with_outside<sys::read<>, sys::read<true>>(Call::read)
        .with_outside<sys::write<>, sys::write<true>>(Call::write)
        .with_outside<sys::sendto<>, sys::sendto<true>>(Call::sendto)
        .with_outside<sys::recvfrom<>, sys::recvfrom<true>>(Call::recvfrom)
        .with_outside<sys::epoll_pwait<>, Shared<sys::epoll_pwait<true>>::answer>(Call::epoll_pwait)
        .with<sys::readv>(Call::readv)
        .with<sys::writev>(Call::writev)
        .with_outside<sys::pread64<>, sys::pread64<true>>(Call::pread64)
        .with_outside<sys::pwrite64<>, sys::pwrite64<true>>(Call::pwrite64)
        .with_outside<sys::lseek, Shared>(Call::lseek)
        .with_outside<sys::getdents64, Shared>(Call::getdents64)
        .with_outside<sys::ftruncate, Shared>(Call::ftruncate)
        .with<sys::fsync>(Call::fsync)
        .with<sys::fsync>(Call::fdatasync)
        .with_outside<sys::close, Shared>(Call::close)
        .with<sys::close_range>(Call::close_range)
        .with_outside<sys::dup, Shared>(Call::dup)
        .with_outside<sys::dup3, Shared>(Call::dup3)
        .with_outside<sys::pipe2, Shared>(Call::pipe2)
        .with_outside<sys::eventfd2, Shared>(Call::eventfd2)
        .with_outside<sys::fcntl, Shared>(Call::fcntl)
        .with<sys::ioctl>(Call::ioctl)
        .with_outside<sys::openat, Shared>(Call::openat)
        .with_outside<sys::fstat, Shared>(Call::fstat)
        .with_outside<sys::newfstatat, Shared>(Call::newfstatat)
        .with_outside<sys::statx, Shared>(Call::statx)
        .with_outside<sys::faccessat, Shared>(Call::faccessat)
        .with_outside<sys::faccessat2, Shared>(Call::faccessat2)
        .with_outside<sys::readlinkat, Shared>(Call::readlinkat)
        .with_outside<sys::getcwd, Shared>(Call::getcwd)
        .with<sys::chdir>(Call::chdir)
        .with<sys::fchdir>(Call::fchdir)
        .with_no_resched<sys::umask>(Call::umask)
        .with_outside<sys::mkdirat, Shared>(Call::mkdirat)
        .with_outside<sys::symlinkat, Shared>(Call::symlinkat)
        .with_outside<sys::unlinkat, Shared>(Call::unlinkat)
        .with_outside<sys::renameat2, Shared>(Call::renameat2)
        .with_outside<sys::ppoll, Shared>(Call::ppoll)
        .with_outside<sys::io_uring_enter<>, sys::io_uring_enter<true>>(Call::io_uring_enter)
        // the system
        .with_outside<sys::uname, Shared>(Call::uname, no_resched)
        .with_no_resched<sys::sysinfo>(Call::sysinfo)
        .with_outside<sys::prlimit64, Shared>(Call::prlimit64)
        .with_no_resched<sys::getrusage>(Call::getrusage)
        .with_outside<sys::getrandom, Shared>(Call::getrandom);

}  // namespace kernel
