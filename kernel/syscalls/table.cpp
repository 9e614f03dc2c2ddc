#include "syscalls/table.h"

#include <abi/numbers.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/files.h"
#include "syscalls/foreign.h"
#include "syscalls/own_calls.h"
#include "syscalls/unknown.h"

namespace kernel {
namespace {

using abi::Call;

/// Whether that number is new. Of those that no system has calls for, a few are remembered: when
/// there are more, the log has seen enough of them.
bool is_first_time(std::uint64_t number) {
  static std::bitset<512> seen;
  static std::array<std::uint64_t, 16> odd_ones;
  static std::size_t odd_count = 0;
  if (number < seen.size()) {
    const bool is_new = !seen.test(number);
    seen.set(number);
    return is_new;
  }
  if (odd_count == odd_ones.size()) return false;
  const auto end = odd_ones.begin() + odd_count;
  if (std::find(odd_ones.begin(), end, number) != end) return false;
  odd_ones[odd_count++] = number;
  return true;
}

void log_once(Thread& self, std::uint64_t number) {
  if (!is_first_time(number)) return;
  const bool is_foreign = is_foreign_call(number);
  log("{} ({}): no system call {} {}", self.process().name(), self.id(),
      is_foreign ? number - abi::first_foreign_call : number,
      is_foreign ? name_of_foreign_call(number) : abi::name(static_cast<Call>(number)));
}

/// Numbers beyond Linux's.
trap::Register try_call_beyond(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  if (number < abi::first_own_call) return unknown_call(self, context);
  if (is_foreign_call(number)) return try_foreign_call(self, context);
  return own_calls[number - abi::first_own_call].now(self, context);
}
trap::WaitingCall call_beyond(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  if (is_foreign_call(number)) return foreign_call(self, context);
  return own_calls[number - abi::first_own_call].wait(self, context);
}

}  // namespace

trap::Register unknown_call(Thread& self, const trap::UserContext& context) {
  log_once(self, context.syscall_number());
  return trap::ToRegister<Result<>>::encode(fail(Errno::enosys));
}

constexpr SyscallTable syscall_table =
    SyscallTable{unknown_call, {.now = try_call_beyond, .wait = call_beyond}}
        // processes and threads
        .with<sys::try_clone, sys::clone>(Call::clone)
        .with<sys::execve>(Call::execve)
        .with<sys::exit>(Call::exit)
        .with<sys::exit_group>(Call::exit_group)
        .with<sys::wait4>(Call::wait4)
        .with<sys::set_tid_address>(Call::set_tid_address)
        .with<sys::set_robust_list>(Call::set_robust_list)
        .with<sys::try_futex, sys::futex>(Call::futex)
        // identity
        .with<sys::getpid>(Call::getpid)
        .with<sys::getppid>(Call::getppid)
        .with<sys::gettid>(Call::gettid)
        .with<sys::getuid>(Call::getuid)
        .with<sys::getuid>(Call::geteuid)
        .with<sys::getuid>(Call::getgid)
        .with<sys::getuid>(Call::getegid)
        .with<sys::getpgid>(Call::getpgid)
        .with<sys::setpgid>(Call::setpgid)
        .with<sys::getsid>(Call::getsid)
        .with<sys::setsid>(Call::setsid)
        // signals
        .with<sys::kill>(Call::kill)
        .with<sys::tkill>(Call::tkill)
        .with<sys::tgkill>(Call::tgkill)
        .with<sys::rt_sigaction>(Call::rt_sigaction)
        .with<sys::rt_sigprocmask>(Call::rt_sigprocmask)
        // memory
        .with<sys::try_brk, sys::brk>(Call::brk)
        .with<sys::try_mmap, sys::mmap>(Call::mmap)
        .with<sys::try_munmap, sys::munmap>(Call::munmap)
        .with<sys::mprotect>(Call::mprotect)
        .with<sys::try_madvise, sys::madvise>(Call::madvise)
        .with<sys::riscv_flush_icache>(Call::riscv_flush_icache)
        // time
        .with<sys::clock_gettime>(Call::clock_gettime)
        .with<sys::clock_getres>(Call::clock_getres)
        .with<sys::gettimeofday>(Call::gettimeofday)
        .with<sys::nanosleep>(Call::nanosleep)
        .with<sys::clock_nanosleep>(Call::clock_nanosleep)
        // scheduling
        .with<sys::sched_yield>(Call::sched_yield)
        .with<sys::sched_setscheduler>(Call::sched_setscheduler)
        .with<sys::sched_getscheduler>(Call::sched_getscheduler)
        .with<sys::sched_setparam>(Call::sched_setparam)
        .with<sys::sched_getparam>(Call::sched_getparam)
        .with<sys::sched_get_priority_max>(Call::sched_get_priority_max)
        .with<sys::sched_get_priority_min>(Call::sched_get_priority_min)
        .with<sys::sched_rr_get_interval>(Call::sched_rr_get_interval)
        .with<sys::sched_getaffinity>(Call::sched_getaffinity)
        .with<sys::sched_setaffinity>(Call::sched_setaffinity)
        .with<sys::getcpu>(Call::getcpu)
        .with<sys::setpriority>(Call::setpriority)
        .with<sys::getpriority>(Call::getpriority)
        // files
        .with<sys::try_read, sys::read>(Call::read)
        .with<sys::try_write, sys::write>(Call::write)
        .with<sys::try_readv, sys::readv>(Call::readv)
        .with<sys::try_writev, sys::writev>(Call::writev)
        .with<sys::try_pread64, sys::pread64>(Call::pread64)
        .with<sys::try_pwrite64, sys::pwrite64>(Call::pwrite64)
        .with<sys::lseek>(Call::lseek)
        .with<sys::getdents64>(Call::getdents64)
        .with<sys::ftruncate>(Call::ftruncate)
        .with<sys::try_fsync, sys::fsync>(Call::fsync)
        .with<sys::try_fsync, sys::fsync>(Call::fdatasync)
        .with<sys::close>(Call::close)
        .with<sys::close_range>(Call::close_range)
        .with<sys::dup>(Call::dup)
        .with<sys::dup3>(Call::dup3)
        .with<sys::pipe2>(Call::pipe2)
        .with<sys::fcntl>(Call::fcntl)
        .with<sys::ioctl>(Call::ioctl)
        .with<sys::openat>(Call::openat)
        .with<sys::fstat>(Call::fstat)
        .with<sys::newfstatat>(Call::newfstatat)
        .with<sys::faccessat>(Call::faccessat)
        .with<sys::faccessat2>(Call::faccessat2)
        .with<sys::readlinkat>(Call::readlinkat)
        .with<sys::getcwd>(Call::getcwd)
        .with<sys::chdir>(Call::chdir)
        .with<sys::fchdir>(Call::fchdir)
        .with<sys::umask>(Call::umask)
        .with<sys::mkdirat>(Call::mkdirat)
        .with<sys::symlinkat>(Call::symlinkat)
        .with<sys::unlinkat>(Call::unlinkat)
        .with<sys::renameat2>(Call::renameat2)
        .with<sys::try_ppoll, sys::ppoll>(Call::ppoll)
        // the system
        .with<sys::uname>(Call::uname)
        .with<sys::sysinfo>(Call::sysinfo)
        .with<sys::prlimit64>(Call::prlimit64)
        .with<sys::getrusage>(Call::getrusage)
        .with<sys::try_getrandom, sys::getrandom>(Call::getrandom);

constinit const SyscallTable* answering_syscalls = &syscall_table;

}  // namespace kernel
