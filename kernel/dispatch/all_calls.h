// The table of all system calls by number, for fast path and slow path and for all machines. The
// form of an entry decides whether the call has a fast path (trap/fast_path.h).
#pragma once

#include <abi/numbers.h>

#include "dispatch/dispatch.h"
#include "process/syscall_table.h"
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/futex.h"
#include "syscalls/identity.h"
#include "syscalls/outside.h"

namespace kernel {

/// Calls with numbers above Linux's: private calls and compat calls.
trap::Register call_beyond(Thread& self, const trap::UserContext& context);

using abi::Call;

inline constexpr SyscallTable syscall_table =
    SyscallTable{unknown_call, call_beyond}

        // processes and threads
        .with_no_fast_path<sys::clone>(Call::clone)
        .with<sys::execve>(Call::execve)
        .with<sys::exit>(Call::exit)
        .with<sys::exit_group>(Call::exit_group)
        .with<sys::wait4>(Call::wait4)
        .with<sys::set_tid_address>(Call::set_tid_address)
        .with<sys::set_robust_list>(Call::set_robust_list)
        .with_outside<sys::futex, sys::outside::futex>(Call::futex)
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
        .with<sys::kill>(Call::kill)
        .with<sys::tkill>(Call::tkill)
        .with<sys::tgkill>(Call::tgkill)
        .with<sys::rt_sigaction>(Call::rt_sigaction)
        .with<sys::rt_sigprocmask>(Call::rt_sigprocmask)
        // memory
        .with_outside<sys::brk, sys::outside::brk>(Call::brk)
        .with_outside<sys::mmap, sys::outside::mmap>(Call::mmap)
        .with_outside<sys::munmap, sys::outside::munmap>(Call::munmap)
        .with<sys::mprotect>(Call::mprotect)
        .with_outside<sys::madvise, sys::outside::madvise>(Call::madvise)
        .with<sys::riscv_flush_icache>(Call::riscv_flush_icache)
        // time
        .with_outside<sys::clock_gettime, sys::outside::clock_gettime>(Call::clock_gettime,
                                                                       trap::CallForm::no_resched)
        .with_no_resched<sys::clock_getres>(Call::clock_getres)
        .with_no_resched<sys::gettimeofday>(Call::gettimeofday)
        .with<sys::nanosleep>(Call::nanosleep)
        .with<sys::clock_nanosleep>(Call::clock_nanosleep)
        // scheduling
        .with_outside<sys::sched_yield, sys::outside::sched_yield>(Call::sched_yield,
                                                                   trap::CallForm::no_resched)
        .with<sys::sched_setscheduler>(Call::sched_setscheduler)
        .with_no_resched<sys::sched_getscheduler>(Call::sched_getscheduler)
        .with<sys::sched_setparam>(Call::sched_setparam)
        .with_no_resched<sys::sched_getparam>(Call::sched_getparam)
        .with<sys::sched_setattr>(Call::sched_setattr)
        .with<sys::sched_getattr>(Call::sched_getattr)
        .with_no_resched<sys::sched_get_priority_max>(Call::sched_get_priority_max)
        .with_no_resched<sys::sched_get_priority_min>(Call::sched_get_priority_min)
        .with_no_resched<sys::sched_rr_get_interval>(Call::sched_rr_get_interval)
        .with_no_resched<sys::sched_getaffinity>(Call::sched_getaffinity)
        .with<sys::sched_setaffinity>(Call::sched_setaffinity)
        .with_no_resched<sys::getcpu>(Call::getcpu)
        .with<sys::setpriority>(Call::setpriority)
        .with_no_resched<sys::getpriority>(Call::getpriority)
        // files
        .with_outside<sys::read, sys::outside::read>(Call::read)
        .with_outside<sys::write, sys::outside::write>(Call::write)
        .with<sys::readv>(Call::readv)
        .with<sys::writev>(Call::writev)
        .with_outside<sys::pread64, sys::outside::pread64>(Call::pread64)
        .with<sys::pwrite64>(Call::pwrite64)
        .with<sys::lseek>(Call::lseek)
        .with<sys::getdents64>(Call::getdents64)
        .with<sys::ftruncate>(Call::ftruncate)
        .with<sys::fsync>(Call::fsync)
        .with<sys::fsync>(Call::fdatasync)
        .with_outside<sys::close, sys::outside::close>(Call::close)
        .with<sys::close_range>(Call::close_range)
        .with<sys::dup>(Call::dup)
        .with<sys::dup3>(Call::dup3)
        .with<sys::pipe2>(Call::pipe2)
        .with<sys::fcntl>(Call::fcntl)
        .with<sys::ioctl>(Call::ioctl)
        .with_outside<sys::openat, sys::outside::openat>(Call::openat)
        .with<sys::fstat>(Call::fstat)
        .with<sys::newfstatat>(Call::newfstatat)
        .with<sys::faccessat>(Call::faccessat)
        .with<sys::faccessat2>(Call::faccessat2)
        .with<sys::readlinkat>(Call::readlinkat)
        .with<sys::getcwd>(Call::getcwd)
        .with<sys::chdir>(Call::chdir)
        .with<sys::fchdir>(Call::fchdir)
        .with_no_resched<sys::umask>(Call::umask)
        .with<sys::mkdirat>(Call::mkdirat)
        .with<sys::symlinkat>(Call::symlinkat)
        .with<sys::unlinkat>(Call::unlinkat)
        .with<sys::renameat2>(Call::renameat2)
        .with<sys::ppoll>(Call::ppoll)
        // the system
        .with_no_resched<sys::uname>(Call::uname)
        .with_no_resched<sys::sysinfo>(Call::sysinfo)
        .with<sys::prlimit64>(Call::prlimit64)
        .with_no_resched<sys::getrusage>(Call::getrusage)
        .with<sys::getrandom>(Call::getrandom);

}  // namespace kernel
