// Linux's system calls for x86_64: its own numbers (asm/unistd_64.h), older calls that the generic
// ABI does not have, and three structures with a different layout.
#pragma once

#include <abi/ipc.h>
#include <abi/numbers.h>
#include <abi/signal.h>
#include <abi/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace abi::x86_64 {

inline constexpr unsigned call_limit = 512;

namespace detail {

struct Pair {
  std::uint16_t number;
  Call generic;
};

// Calls that differ from the generic ones only in their number.
inline constexpr auto same_calls = std::to_array<Pair>({
    {0, Call::read},
    {1, Call::write},
    {3, Call::close},
    {8, Call::lseek},
    {9, Call::mmap},
    {10, Call::mprotect},
    {11, Call::munmap},
    {12, Call::brk},
    {14, Call::rt_sigprocmask},
    {15, Call::rt_sigreturn},
    {16, Call::ioctl},
    {17, Call::pread64},
    {18, Call::pwrite64},
    {19, Call::readv},
    {20, Call::writev},
    {24, Call::sched_yield},
    {25, Call::mremap},
    {26, Call::msync},
    {27, Call::mincore},
    {28, Call::madvise},
    {29, Call::shmget},
    {30, Call::shmat},
    {31, Call::shmctl},
    {32, Call::dup},
    {35, Call::nanosleep},
    {36, Call::getitimer},
    {38, Call::setitimer},
    {39, Call::getpid},
    {40, Call::sendfile},
    {41, Call::socket},
    {42, Call::connect},
    {43, Call::accept},
    {44, Call::sendto},
    {45, Call::recvfrom},
    {46, Call::sendmsg},
    {47, Call::recvmsg},
    {48, Call::shutdown},
    {49, Call::bind},
    {50, Call::listen},
    {51, Call::getsockname},
    {52, Call::getpeername},
    {53, Call::socketpair},
    {54, Call::setsockopt},
    {55, Call::getsockopt},
    {59, Call::execve},
    {60, Call::exit},
    {61, Call::wait4},
    {62, Call::kill},
    {63, Call::uname},
    {64, Call::semget},
    {65, Call::semop},
    {67, Call::shmdt},
    {68, Call::msgget},
    {69, Call::msgsnd},
    {70, Call::msgrcv},
    {71, Call::msgctl},
    {72, Call::fcntl},
    {73, Call::flock},
    {74, Call::fsync},
    {75, Call::fdatasync},
    {76, Call::truncate},
    {77, Call::ftruncate},
    {79, Call::getcwd},
    {80, Call::chdir},
    {81, Call::fchdir},
    {91, Call::fchmod},
    {93, Call::fchown},
    {95, Call::umask},
    {96, Call::gettimeofday},
    {97, Call::getrlimit},
    {98, Call::getrusage},
    {99, Call::sysinfo},
    {100, Call::times},
    {101, Call::ptrace},
    {102, Call::getuid},
    {103, Call::syslog},
    {104, Call::getgid},
    {105, Call::setuid},
    {106, Call::setgid},
    {107, Call::geteuid},
    {108, Call::getegid},
    {109, Call::setpgid},
    {110, Call::getppid},
    {112, Call::setsid},
    {113, Call::setreuid},
    {114, Call::setregid},
    {115, Call::getgroups},
    {116, Call::setgroups},
    {117, Call::setresuid},
    {118, Call::getresuid},
    {119, Call::setresgid},
    {120, Call::getresgid},
    {121, Call::getpgid},
    {122, Call::setfsuid},
    {123, Call::setfsgid},
    {124, Call::getsid},
    {125, Call::capget},
    {126, Call::capset},
    {127, Call::rt_sigpending},
    {128, Call::rt_sigtimedwait},
    {129, Call::rt_sigqueueinfo},
    {130, Call::rt_sigsuspend},
    {131, Call::sigaltstack},
    {135, Call::personality},
    {137, Call::statfs},
    {138, Call::fstatfs},
    {140, Call::getpriority},
    {141, Call::setpriority},
    {142, Call::sched_setparam},
    {143, Call::sched_getparam},
    {144, Call::sched_setscheduler},
    {145, Call::sched_getscheduler},
    {146, Call::sched_get_priority_max},
    {147, Call::sched_get_priority_min},
    {148, Call::sched_rr_get_interval},
    {149, Call::mlock},
    {150, Call::munlock},
    {151, Call::mlockall},
    {152, Call::munlockall},
    {157, Call::prctl},
    {159, Call::adjtimex},
    {160, Call::setrlimit},
    {161, Call::chroot},
    {162, Call::sync},
    {164, Call::settimeofday},
    {166, Call::umount2},
    {167, Call::swapon},
    {168, Call::swapoff},
    {169, Call::reboot},
    {170, Call::sethostname},
    {171, Call::setdomainname},
    {186, Call::gettid},
    {187, Call::readahead},
    {188, Call::setxattr},
    {189, Call::lsetxattr},
    {190, Call::fsetxattr},
    {191, Call::getxattr},
    {192, Call::lgetxattr},
    {193, Call::fgetxattr},
    {194, Call::listxattr},
    {195, Call::llistxattr},
    {196, Call::flistxattr},
    {197, Call::removexattr},
    {198, Call::lremovexattr},
    {199, Call::fremovexattr},
    {200, Call::tkill},
    {202, Call::futex},
    {203, Call::sched_setaffinity},
    {204, Call::sched_getaffinity},
    {217, Call::getdents64},
    {218, Call::set_tid_address},
    {220, Call::semtimedop},
    {221, Call::fadvise64},
    {222, Call::timer_create},
    {223, Call::timer_settime},
    {224, Call::timer_gettime},
    {225, Call::timer_getoverrun},
    {226, Call::timer_delete},
    {227, Call::clock_settime},
    {228, Call::clock_gettime},
    {229, Call::clock_getres},
    {230, Call::clock_nanosleep},
    {231, Call::exit_group},
    {234, Call::tgkill},
    {240, Call::mq_open},
    {241, Call::mq_unlink},
    {242, Call::mq_timedsend},
    {243, Call::mq_timedreceive},
    {244, Call::mq_notify},
    {245, Call::mq_getsetattr},
    {247, Call::waitid},
    {251, Call::ioprio_set},
    {252, Call::ioprio_get},
    {254, Call::inotify_add_watch},
    {255, Call::inotify_rm_watch},
    {257, Call::openat},
    {258, Call::mkdirat},
    {259, Call::mknodat},
    {260, Call::fchownat},
    {263, Call::unlinkat},
    {265, Call::linkat},
    {266, Call::symlinkat},
    {267, Call::readlinkat},
    {268, Call::fchmodat},
    {269, Call::faccessat},
    {270, Call::pselect6},
    {271, Call::ppoll},
    {272, Call::unshare},
    {273, Call::set_robust_list},
    {274, Call::get_robust_list},
    {275, Call::splice},
    {276, Call::tee},
    {277, Call::sync_file_range},
    {278, Call::vmsplice},
    {280, Call::utimensat},
    {283, Call::timerfd_create},
    {285, Call::fallocate},
    {286, Call::timerfd_settime},
    {287, Call::timerfd_gettime},
    {288, Call::accept4},
    {289, Call::signalfd4},
    {290, Call::eventfd2},
    {291, Call::epoll_create1},
    {292, Call::dup3},
    {293, Call::pipe2},
    {294, Call::inotify_init1},
    {295, Call::preadv},
    {296, Call::pwritev},
    {297, Call::rt_tgsigqueueinfo},
    {299, Call::recvmmsg},
    {302, Call::prlimit64},
    {303, Call::name_to_handle_at},
    {304, Call::open_by_handle_at},
    {305, Call::clock_adjtime},
    {306, Call::syncfs},
    {307, Call::sendmmsg},
    {308, Call::setns},
    {309, Call::getcpu},
    {310, Call::process_vm_readv},
    {311, Call::process_vm_writev},
    {312, Call::kcmp},
    {314, Call::sched_setattr},
    {315, Call::sched_getattr},
    {316, Call::renameat2},
    {318, Call::getrandom},
    {319, Call::memfd_create},
    {322, Call::execveat},
    {324, Call::membarrier},
    {325, Call::mlock2},
    {326, Call::copy_file_range},
    {327, Call::preadv2},
    {328, Call::pwritev2},
    {332, Call::statx},
    {334, Call::rseq},
    {424, Call::pidfd_send_signal},
    {425, Call::io_uring_setup},
    {426, Call::io_uring_enter},
    {427, Call::io_uring_register},
    {434, Call::pidfd_open},
    {435, Call::clone3},
    {436, Call::close_range},
    {437, Call::openat2},
    {438, Call::pidfd_getfd},
    {439, Call::faccessat2},
    {449, Call::futex_waitv},
    {452, Call::fchmodat2},
    {454, Call::futex_wake},
    {455, Call::futex_wait},
    {456, Call::futex_requeue},
});

consteval std::array<std::uint16_t, call_limit> make_numbers() {
  std::array<std::uint16_t, call_limit> numbers{};
  for (const Pair& pair : same_calls) {
    numbers[pair.number] = static_cast<std::uint16_t>(pair.generic);
  }
  return numbers;
}
inline constexpr auto numbers = make_numbers();  // 0: not a listed call

}  // namespace detail

/// The generic call with the x86_64 number `number` and the same arguments. Nothing if there is no
/// such call, or if it differs.
constexpr std::optional<Call> generic(std::uint64_t number) {
  if (number >= call_limit || detail::numbers[number] == 0) return std::nullopt;
  return Call{detail::numbers[number]};
}

/// The x86_64 number of the call that the kernel numbers `number`: the reverse of generic(), or the
/// number without first_compat_call. Takes up to 300 steps.
constexpr std::uint64_t linux_number(std::uint64_t number) {
  if (number >= first_compat_call) return number - first_compat_call;
  for (const detail::Pair& pair : detail::same_calls) {
    if (static_cast<std::uint64_t>(pair.generic) == number) return pair.number;
  }
  return number;
}

// Calls that differ from the generic ones.
inline constexpr unsigned call_open = 2;
inline constexpr unsigned call_stat = 4;
inline constexpr unsigned call_fstat = 5;
inline constexpr unsigned call_lstat = 6;
inline constexpr unsigned call_poll = 7;
inline constexpr unsigned call_rt_sigaction = 13;
inline constexpr unsigned call_access = 21;
inline constexpr unsigned call_pipe = 22;
inline constexpr unsigned call_select = 23;
inline constexpr unsigned call_dup2 = 33;
inline constexpr unsigned call_pause = 34;
inline constexpr unsigned call_alarm = 37;
inline constexpr unsigned call_clone = 56;
inline constexpr unsigned call_semctl = 66;
inline constexpr unsigned call_fork = 57;
inline constexpr unsigned call_vfork = 58;
inline constexpr unsigned call_rename = 82;
inline constexpr unsigned call_mkdir = 83;
inline constexpr unsigned call_rmdir = 84;
inline constexpr unsigned call_creat = 85;
inline constexpr unsigned call_link = 86;
inline constexpr unsigned call_unlink = 87;
inline constexpr unsigned call_symlink = 88;
inline constexpr unsigned call_readlink = 89;
inline constexpr unsigned call_chmod = 90;
inline constexpr unsigned call_chown = 92;
inline constexpr unsigned call_lchown = 94;
inline constexpr unsigned call_getpgrp = 111;
inline constexpr unsigned call_utime = 132;
inline constexpr unsigned call_mknod = 133;
inline constexpr unsigned call_arch_prctl = 158;
inline constexpr unsigned call_time = 201;
inline constexpr unsigned call_epoll_create = 213;
inline constexpr unsigned call_epoll_wait = 232;
inline constexpr unsigned call_epoll_ctl = 233;
inline constexpr unsigned call_utimes = 235;
inline constexpr unsigned call_inotify_init = 253;
inline constexpr unsigned call_futimesat = 261;
inline constexpr unsigned call_newfstatat = 262;
inline constexpr unsigned call_renameat = 264;
inline constexpr unsigned call_epoll_pwait = 281;
inline constexpr unsigned call_signalfd = 282;
inline constexpr unsigned call_eventfd = 284;
inline constexpr unsigned call_epoll_pwait2 = 441;

// arch_prctl (asm/prctl.h)
inline constexpr int arch_set_gs = 0x1001;
inline constexpr int arch_set_fs = 0x1002;
inline constexpr int arch_get_fs = 0x1003;
inline constexpr int arch_get_gs = 0x1004;

// struct utimbuf of utime(2)
struct TwoSeconds {
  std::int64_t accessed;
  std::int64_t modified;
};

// The structure of fstat and similar calls
struct Stat {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t links;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t padding;
  std::uint64_t special_device;
  std::int64_t size;
  std::int64_t block_size;
  std::int64_t blocks;  // in units of 512 bytes
  Timespec accessed;
  Timespec modified;
  Timespec changed;
  std::int64_t unused[3];
};
static_assert(sizeof(Stat) == 144 && offsetof(Stat, size) == 48 && offsetof(Stat, accessed) == 72);

constexpr Stat to_stat(const abi::Stat& status) {
  return {.device = status.device,
          .inode = status.inode,
          .links = status.links,
          .mode = status.mode,
          .uid = status.uid,
          .gid = status.gid,
          .special_device = status.special_device,
          .size = status.size,
          .block_size = status.block_size,
          .blocks = status.blocks,
          .accessed = status.accessed,
          .modified = status.modified,
          .changed = status.changed};
}

// rt_sigaction
struct SignalAction {
  std::uintptr_t handler;
  std::uint64_t flags;
  std::uintptr_t restorer;  // where a handler returns to; ignored: the kernel maps code for this
  SignalSet mask;
};
static_assert(sizeof(SignalAction) == 32);

// semctl
struct SemaphoreStatus {
  IpcPermissions permissions;
  std::int64_t operated;
  std::uint64_t unused_1;
  std::int64_t changed;
  std::uint64_t unused_2;
  std::uint64_t count;
  std::uint64_t unused_3[2];
};
static_assert(sizeof(SemaphoreStatus) == 104);

}  // namespace abi::x86_64
