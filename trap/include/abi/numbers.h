// System call numbers: Linux's for riscv64 (asm-generic/unistd.h), passed in a7. The calls that
// only Cotrap has start at 0x1000. A listed number need not be implemented; the list also names
// calls in logs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace abi {

// X(name, number), ascending.
#define COTRAP_CALLS(X)           \
  X(setxattr, 5)                  \
  X(lsetxattr, 6)                 \
  X(fsetxattr, 7)                 \
  X(getxattr, 8)                  \
  X(lgetxattr, 9)                 \
  X(fgetxattr, 10)                \
  X(listxattr, 11)                \
  X(llistxattr, 12)               \
  X(flistxattr, 13)               \
  X(removexattr, 14)              \
  X(lremovexattr, 15)             \
  X(fremovexattr, 16)             \
  X(getcwd, 17)                   \
  X(eventfd2, 19)                 \
  X(epoll_create1, 20)            \
  X(epoll_ctl, 21)                \
  X(epoll_pwait, 22)              \
  X(dup, 23)                      \
  X(dup3, 24)                     \
  X(fcntl, 25)                    \
  X(inotify_init1, 26)            \
  X(inotify_add_watch, 27)        \
  X(inotify_rm_watch, 28)         \
  X(ioctl, 29)                    \
  X(ioprio_set, 30)               \
  X(ioprio_get, 31)               \
  X(flock, 32)                    \
  X(mknodat, 33)                  \
  X(mkdirat, 34)                  \
  X(unlinkat, 35)                 \
  X(symlinkat, 36)                \
  X(linkat, 37)                   \
  X(umount2, 39)                  \
  X(mount, 40)                    \
  X(pivot_root, 41)               \
  X(statfs, 43)                   \
  X(fstatfs, 44)                  \
  X(truncate, 45)                 \
  X(ftruncate, 46)                \
  X(fallocate, 47)                \
  X(faccessat, 48)                \
  X(chdir, 49)                    \
  X(fchdir, 50)                   \
  X(chroot, 51)                   \
  X(fchmod, 52)                   \
  X(fchmodat, 53)                 \
  X(fchownat, 54)                 \
  X(fchown, 55)                   \
  X(openat, 56)                   \
  X(close, 57)                    \
  X(vhangup, 58)                  \
  X(pipe2, 59)                    \
  X(quotactl, 60)                 \
  X(getdents64, 61)               \
  X(lseek, 62)                    \
  X(read, 63)                     \
  X(write, 64)                    \
  X(readv, 65)                    \
  X(writev, 66)                   \
  X(pread64, 67)                  \
  X(pwrite64, 68)                 \
  X(preadv, 69)                   \
  X(pwritev, 70)                  \
  X(sendfile, 71)                 \
  X(pselect6, 72)                 \
  X(ppoll, 73)                    \
  X(signalfd4, 74)                \
  X(vmsplice, 75)                 \
  X(splice, 76)                   \
  X(tee, 77)                      \
  X(readlinkat, 78)               \
  X(newfstatat, 79)               \
  X(fstat, 80)                    \
  X(sync, 81)                     \
  X(fsync, 82)                    \
  X(fdatasync, 83)                \
  X(sync_file_range, 84)          \
  X(timerfd_create, 85)           \
  X(timerfd_settime, 86)          \
  X(timerfd_gettime, 87)          \
  X(utimensat, 88)                \
  X(acct, 89)                     \
  X(capget, 90)                   \
  X(capset, 91)                   \
  X(personality, 92)              \
  X(exit, 93)                     \
  X(exit_group, 94)               \
  X(waitid, 95)                   \
  X(set_tid_address, 96)          \
  X(unshare, 97)                  \
  X(futex, 98)                    \
  X(set_robust_list, 99)          \
  X(get_robust_list, 100)         \
  X(nanosleep, 101)               \
  X(getitimer, 102)               \
  X(setitimer, 103)               \
  X(timer_create, 107)            \
  X(timer_gettime, 108)           \
  X(timer_getoverrun, 109)        \
  X(timer_settime, 110)           \
  X(timer_delete, 111)            \
  X(clock_settime, 112)           \
  X(clock_gettime, 113)           \
  X(clock_getres, 114)            \
  X(clock_nanosleep, 115)         \
  X(syslog, 116)                  \
  X(ptrace, 117)                  \
  X(sched_setparam, 118)          \
  X(sched_setscheduler, 119)      \
  X(sched_getscheduler, 120)      \
  X(sched_getparam, 121)          \
  X(sched_setaffinity, 122)       \
  X(sched_getaffinity, 123)       \
  X(sched_yield, 124)             \
  X(sched_get_priority_max, 125)  \
  X(sched_get_priority_min, 126)  \
  X(sched_rr_get_interval, 127)   \
  X(restart_syscall, 128)         \
  X(kill, 129)                    \
  X(tkill, 130)                   \
  X(tgkill, 131)                  \
  X(sigaltstack, 132)             \
  X(rt_sigsuspend, 133)           \
  X(rt_sigaction, 134)            \
  X(rt_sigprocmask, 135)          \
  X(rt_sigpending, 136)           \
  X(rt_sigtimedwait, 137)         \
  X(rt_sigqueueinfo, 138)         \
  X(rt_sigreturn, 139)            \
  X(setpriority, 140)             \
  X(getpriority, 141)             \
  X(reboot, 142)                  \
  X(setregid, 143)                \
  X(setgid, 144)                  \
  X(setreuid, 145)                \
  X(setuid, 146)                  \
  X(setresuid, 147)               \
  X(getresuid, 148)               \
  X(setresgid, 149)               \
  X(getresgid, 150)               \
  X(setfsuid, 151)                \
  X(setfsgid, 152)                \
  X(times, 153)                   \
  X(setpgid, 154)                 \
  X(getpgid, 155)                 \
  X(getsid, 156)                  \
  X(setsid, 157)                  \
  X(getgroups, 158)               \
  X(setgroups, 159)               \
  X(uname, 160)                   \
  X(sethostname, 161)             \
  X(setdomainname, 162)           \
  X(getrlimit, 163)               \
  X(setrlimit, 164)               \
  X(getrusage, 165)               \
  X(umask, 166)                   \
  X(prctl, 167)                   \
  X(getcpu, 168)                  \
  X(gettimeofday, 169)            \
  X(settimeofday, 170)            \
  X(adjtimex, 171)                \
  X(getpid, 172)                  \
  X(getppid, 173)                 \
  X(getuid, 174)                  \
  X(geteuid, 175)                 \
  X(getgid, 176)                  \
  X(getegid, 177)                 \
  X(gettid, 178)                  \
  X(sysinfo, 179)                 \
  X(mq_open, 180)                 \
  X(mq_unlink, 181)               \
  X(mq_timedsend, 182)            \
  X(mq_timedreceive, 183)         \
  X(mq_notify, 184)               \
  X(mq_getsetattr, 185)           \
  X(msgget, 186)                  \
  X(msgctl, 187)                  \
  X(msgrcv, 188)                  \
  X(msgsnd, 189)                  \
  X(semget, 190)                  \
  X(semctl, 191)                  \
  X(semtimedop, 192)              \
  X(semop, 193)                   \
  X(shmget, 194)                  \
  X(shmctl, 195)                  \
  X(shmat, 196)                   \
  X(shmdt, 197)                   \
  X(socket, 198)                  \
  X(socketpair, 199)              \
  X(bind, 200)                    \
  X(listen, 201)                  \
  X(accept, 202)                  \
  X(connect, 203)                 \
  X(getsockname, 204)             \
  X(getpeername, 205)             \
  X(sendto, 206)                  \
  X(recvfrom, 207)                \
  X(setsockopt, 208)              \
  X(getsockopt, 209)              \
  X(shutdown, 210)                \
  X(sendmsg, 211)                 \
  X(recvmsg, 212)                 \
  X(readahead, 213)               \
  X(brk, 214)                     \
  X(munmap, 215)                  \
  X(mremap, 216)                  \
  X(clone, 220)                   \
  X(execve, 221)                  \
  X(mmap, 222)                    \
  X(fadvise64, 223)               \
  X(swapon, 224)                  \
  X(swapoff, 225)                 \
  X(mprotect, 226)                \
  X(msync, 227)                   \
  X(mlock, 228)                   \
  X(munlock, 229)                 \
  X(mlockall, 230)                \
  X(munlockall, 231)              \
  X(mincore, 232)                 \
  X(madvise, 233)                 \
  X(remap_file_pages, 234)        \
  X(mbind, 235)                   \
  X(get_mempolicy, 236)           \
  X(set_mempolicy, 237)           \
  X(migrate_pages, 238)           \
  X(move_pages, 239)              \
  X(rt_tgsigqueueinfo, 240)       \
  X(perf_event_open, 241)         \
  X(accept4, 242)                 \
  X(recvmmsg, 243)                \
  X(riscv_hwprobe, 258)           \
  X(riscv_flush_icache, 259)      \
  X(wait4, 260)                   \
  X(prlimit64, 261)               \
  X(name_to_handle_at, 264)       \
  X(open_by_handle_at, 265)       \
  X(clock_adjtime, 266)           \
  X(syncfs, 267)                  \
  X(setns, 268)                   \
  X(sendmmsg, 269)                \
  X(process_vm_readv, 270)        \
  X(process_vm_writev, 271)       \
  X(kcmp, 272)                    \
  X(sched_setattr, 274)           \
  X(sched_getattr, 275)           \
  X(renameat2, 276)               \
  X(seccomp, 277)                 \
  X(getrandom, 278)               \
  X(memfd_create, 279)            \
  X(execveat, 281)                \
  X(userfaultfd, 282)             \
  X(membarrier, 283)              \
  X(mlock2, 284)                  \
  X(copy_file_range, 285)         \
  X(preadv2, 286)                 \
  X(pwritev2, 287)                \
  X(pkey_mprotect, 288)           \
  X(pkey_alloc, 289)              \
  X(pkey_free, 290)               \
  X(statx, 291)                   \
  X(rseq, 293)                    \
  X(pidfd_send_signal, 424)       \
  X(io_uring_setup, 425)          \
  X(io_uring_enter, 426)          \
  X(io_uring_register, 427)       \
  X(open_tree, 428)               \
  X(move_mount, 429)              \
  X(fsopen, 430)                  \
  X(fsconfig, 431)                \
  X(fsmount, 432)                 \
  X(fspick, 433)                  \
  X(pidfd_open, 434)              \
  X(clone3, 435)                  \
  X(close_range, 436)             \
  X(openat2, 437)                 \
  X(pidfd_getfd, 438)             \
  X(faccessat2, 439)              \
  X(process_madvise, 440)         \
  X(epoll_pwait2, 441)            \
  X(mount_setattr, 442)           \
  X(quotactl_fd, 443)             \
  X(landlock_create_ruleset, 444) \
  X(landlock_add_rule, 445)       \
  X(landlock_restrict_self, 446)  \
  X(process_mrelease, 448)        \
  X(futex_waitv, 449)             \
  X(cachestat, 451)               \
  X(fchmodat2, 452)               \
  X(futex_wake, 454)              \
  X(futex_wait, 455)              \
  X(futex_requeue, 456)

enum class Call : unsigned {
#define COTRAP_ENUMERATOR(name, number) name = number,
  COTRAP_CALLS(COTRAP_ENUMERATOR)
#undef COTRAP_ENUMERATOR
};

// One past the highest listed number of Linux: the size of a dispatch table.
inline constexpr unsigned call_limit = 457;

// The first number of calls that Linux does not have. Such a private call may have a seventh
// argument, in the register after Linux's six: a6 on riscv64, rbx on x86_64.
inline constexpr unsigned first_private_call = 0x1000;

// bare_trips(count, form): the kernel answers the caller's next `count` calls with 0 and does
// nothing else. Any other trap ends the trips early. `handled`: the fast handler makes the trips,
// 10,000 at most, in a loop and runs no other job between them. `awaited`: a coroutine makes the
// trips and runs more urgent jobs before each. ENOSYS: the trap shape is `handler`.
inline constexpr Call bare_trips{first_private_call + 0};
enum class Trips : unsigned { handled = 0, awaited = 1 };

// set_thread_pointer(address): sets the address of the caller's thread-local storage, on processors
// where programs cannot write that register.
inline constexpr Call set_thread_pointer{first_private_call + 2};
// self_test(which, argument, words, count): see abi/self_test.h.
inline constexpr Call self_test{first_private_call + 1};

// See abi/ring.h.
inline constexpr Call ring_set_up{first_private_call + 3};
inline constexpr Call ring_enter{first_private_call + 4};
inline constexpr Call ring_close{first_private_call + 5};

// hint_work(number, deadline, weight, class): passes hints on the caller's present work to the
// scheduling policy. `deadline`: in ns of CLOCK_MONOTONIC, 0 for never. `weight`: the caller's
// share of the processor, in proportion to other threads' weights, 1 … most_weight; 0: the weight
// of the caller's nice value (1024 for nice 0). The policy of fixed priorities ignores `deadline`
// and `weight`. `number` names the work in traces; 0: no work. A call with the number and the class
// of the present piece of work changes its deadline and weight. Any other call ends that piece, as
// the end of the thread does. Under every policy the kernel counts the pieces with a number and a
// deadline that end, and those of them that end after the deadline: in /proc/deadlines, by `class`,
// 0 … work_classes - 1. EINVAL: `weight` is above most_weight, or there is no such class.
inline constexpr Call hint_work{first_private_call + 11};
inline constexpr std::uint32_t most_weight = 1u << 20;
inline constexpr unsigned work_classes = 64;

// pick_argument(index, a, b, c, d, e, f): answers the argument with this index: 0 is `index`
// itself, 1 … 6 are a … f. For tests of how arguments are passed. EINVAL: `index` is above 6.
// pick_argument_later(index, a, b, c, d, e, f): the same, but the caller yields before the answer.
inline constexpr Call pick_argument{first_private_call + 15};
inline constexpr Call pick_argument_later{first_private_call + 16};

// The first compat number, for programs that were built for another processor's Linux. The kernel
// adds this to the number of a call made with that processor's instruction.
inline constexpr unsigned first_compat_call = 0x2000;

struct CallText {
  Call number;
  std::string_view name;
};

inline constexpr auto call_texts = std::to_array<CallText>({
#define COTRAP_TEXT(name, number) {Call::name, #name},
    COTRAP_CALLS(COTRAP_TEXT)
#undef COTRAP_TEXT
});
#undef COTRAP_CALLS

static_assert(std::ranges::is_sorted(call_texts, {}, &CallText::number));
static_assert(static_cast<unsigned>(call_texts.back().number) < call_limit);

// Empty for a number that is not listed.
constexpr std::string_view name(Call number) {
  const auto* text = std::ranges::lower_bound(call_texts, number, {}, &CallText::number);
  return text != call_texts.end() && text->number == number ? text->name : "";
}

}  // namespace abi
