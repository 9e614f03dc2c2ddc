// Compares the kernel's ABI headers with Linux's: numbers, flags and layouts. Most checks are made
// at compile time; running the program checks that calls reach the right functions.
#include <abi/errno.h>
#include <abi/flags.h>
#include <abi/numbers.h>
#include <abi/process.h>
#include <abi/signal.h>
#include <abi/types.h>

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <iostream>

namespace {

using abi::Errno;
using abi::Signal;

// A constant of the kernel's headers and its Linux counterpart.
struct Pair {
  template <class Own>
  consteval Pair(Own own, long theirs) : own{static_cast<long>(own)}, theirs{theirs} {}
  long own, theirs;
};

// clang-format off: as many to a line as fit
#define CALL(name) {abi::Call::name, __NR_##name}

constexpr Pair calls[] = {
    CALL(getcwd), CALL(eventfd2), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_pwait),
    CALL(dup), CALL(dup3), CALL(fcntl), CALL(ioctl), CALL(mknodat), CALL(mkdirat), CALL(unlinkat),
    CALL(symlinkat), CALL(linkat), CALL(statfs), CALL(fstatfs), CALL(ftruncate), CALL(faccessat),
    CALL(chdir), CALL(fchdir), CALL(fchmod), CALL(fchmodat), CALL(openat), CALL(close), CALL(pipe2),
    CALL(getdents64), CALL(lseek), CALL(read), CALL(write), CALL(readv), CALL(writev),
    CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev), CALL(sendfile), CALL(pselect6),
    CALL(ppoll), CALL(readlinkat), CALL(newfstatat), CALL(fstat), CALL(sync), CALL(fsync),
    CALL(timerfd_create), CALL(timerfd_settime), CALL(utimensat), CALL(personality), CALL(exit),
    CALL(exit_group), CALL(waitid), CALL(set_tid_address), CALL(futex), CALL(set_robust_list),
    CALL(get_robust_list), CALL(nanosleep), CALL(getitimer), CALL(setitimer), CALL(clock_settime),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(syslog),
    CALL(sched_setparam), CALL(sched_setscheduler), CALL(sched_getscheduler), CALL(sched_getparam),
    CALL(sched_setaffinity), CALL(sched_getaffinity), CALL(sched_yield),
    CALL(sched_get_priority_max), CALL(sched_get_priority_min), CALL(sched_rr_get_interval),
    CALL(kill), CALL(tkill), CALL(tgkill), CALL(sigaltstack), CALL(rt_sigsuspend),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigpending), CALL(rt_sigtimedwait),
    CALL(rt_sigreturn), CALL(setpriority), CALL(getpriority), CALL(reboot), CALL(setgid),
    CALL(setuid), CALL(times), CALL(setpgid), CALL(getpgid), CALL(getsid), CALL(setsid),
    CALL(getgroups), CALL(uname), CALL(getrlimit), CALL(setrlimit), CALL(getrusage), CALL(umask),
    CALL(prctl), CALL(getcpu), CALL(gettimeofday), CALL(getpid), CALL(getppid), CALL(getuid),
    CALL(geteuid), CALL(getgid), CALL(getegid), CALL(gettid), CALL(sysinfo), CALL(socket),
    CALL(socketpair), CALL(brk), CALL(munmap), CALL(mremap), CALL(clone), CALL(execve), CALL(mmap),
    CALL(mprotect), CALL(msync), CALL(mlock), CALL(mincore), CALL(madvise), CALL(wait4),
    CALL(prlimit64), CALL(sched_setattr), CALL(sched_getattr), CALL(renameat2), CALL(getrandom),
    CALL(memfd_create), CALL(execveat), CALL(membarrier), CALL(preadv2), CALL(pwritev2),
    CALL(statx), CALL(rseq), CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register),
    CALL(setregid), CALL(setreuid), CALL(setresuid), CALL(getresuid), CALL(setresgid),
    CALL(getresgid), CALL(setgroups), CALL(pidfd_send_signal), CALL(pidfd_open),
    CALL(clone3), CALL(close_range), CALL(faccessat2), CALL(epoll_pwait2),
};

constexpr Pair flags[] = {
    {abi::o_rdonly, O_RDONLY}, {abi::o_wronly, O_WRONLY}, {abi::o_rdwr, O_RDWR},
    {abi::o_accmode, O_ACCMODE}, {abi::o_creat, O_CREAT}, {abi::o_excl, O_EXCL},
    {abi::o_noctty, O_NOCTTY}, {abi::o_trunc, O_TRUNC}, {abi::o_append, O_APPEND},
    {abi::o_nonblock, O_NONBLOCK}, {abi::o_direct, O_DIRECT}, {abi::o_directory, O_DIRECTORY},
    {abi::o_nofollow, O_NOFOLLOW}, {abi::o_cloexec, O_CLOEXEC}, {abi::o_path, O_PATH},
    {abi::f_dupfd, F_DUPFD}, {abi::f_getfd, F_GETFD}, {abi::f_setfd, F_SETFD},
    {abi::f_getfl, F_GETFL}, {abi::f_setfl, F_SETFL}, {abi::f_dupfd_cloexec, F_DUPFD_CLOEXEC},
    {abi::f_getpipe_size, F_GETPIPE_SZ}, {abi::fd_cloexec, FD_CLOEXEC}, {abi::seek_set, SEEK_SET},
    {abi::seek_cur, SEEK_CUR}, {abi::seek_end, SEEK_END}, {abi::at_fdcwd, AT_FDCWD},
    {abi::at_symlink_nofollow, AT_SYMLINK_NOFOLLOW}, {abi::at_eaccess, AT_EACCESS},
    {abi::at_empty_path, AT_EMPTY_PATH}, {abi::f_ok, F_OK}, {abi::x_ok, X_OK}, {abi::w_ok, W_OK},
    {abi::r_ok, R_OK}, {abi::s_ifmt, S_IFMT}, {abi::s_ififo, S_IFIFO}, {abi::s_ifchr, S_IFCHR},
    {abi::s_ifdir, S_IFDIR}, {abi::s_ifblk, S_IFBLK}, {abi::s_ifreg, S_IFREG},
    {abi::s_iflnk, S_IFLNK}, {abi::dt_unknown, DT_UNKNOWN}, {abi::dt_fifo, DT_FIFO},
    {abi::dt_chr, DT_CHR}, {abi::dt_dir, DT_DIR}, {abi::dt_blk, DT_BLK}, {abi::dt_reg, DT_REG},
    {abi::dt_lnk, DT_LNK}, {abi::prot_none, PROT_NONE}, {abi::prot_read, PROT_READ},
    {abi::prot_write, PROT_WRITE}, {abi::prot_exec, PROT_EXEC}, {abi::map_shared, MAP_SHARED},
    {abi::map_private, MAP_PRIVATE}, {abi::map_type, MAP_TYPE}, {abi::map_fixed, MAP_FIXED},
    {abi::map_anonymous, MAP_ANONYMOUS}, {abi::map_growsdown, MAP_GROWSDOWN},
    {abi::map_noreserve, MAP_NORESERVE}, {abi::map_populate, MAP_POPULATE},
    {abi::map_stack, MAP_STACK}, {abi::map_fixed_noreplace, MAP_FIXED_NOREPLACE},
    {abi::madv_dontneed, MADV_DONTNEED}, {abi::madv_free, MADV_FREE}, {abi::clone_vm, CLONE_VM},
    {abi::clone_fs, CLONE_FS}, {abi::clone_files, CLONE_FILES}, {abi::clone_sighand, CLONE_SIGHAND},
    {abi::clone_vfork, CLONE_VFORK}, {abi::clone_parent, CLONE_PARENT},
    {abi::clone_thread, CLONE_THREAD}, {abi::clone_newns, CLONE_NEWNS},
    {abi::clone_sysvsem, CLONE_SYSVSEM}, {abi::clone_settls, CLONE_SETTLS},
    {abi::clone_parent_settid, CLONE_PARENT_SETTID},
    {abi::clone_child_cleartid, CLONE_CHILD_CLEARTID}, {abi::clone_detached, CLONE_DETACHED},
    {abi::clone_untraced, CLONE_UNTRACED}, {abi::clone_child_settid, CLONE_CHILD_SETTID},
    {abi::futex_wait, FUTEX_WAIT}, {abi::futex_wake, FUTEX_WAKE},
    {abi::futex_requeue, FUTEX_REQUEUE}, {abi::futex_cmp_requeue, FUTEX_CMP_REQUEUE},
    {abi::futex_wake_op, FUTEX_WAKE_OP}, {abi::futex_wait_bitset, FUTEX_WAIT_BITSET},
    {abi::futex_wake_bitset, FUTEX_WAKE_BITSET}, {abi::futex_private_flag, FUTEX_PRIVATE_FLAG},
    {abi::futex_clock_realtime, FUTEX_CLOCK_REALTIME}, {abi::futex_command_mask, FUTEX_CMD_MASK},
    {abi::futex_bitset_match_any, FUTEX_BITSET_MATCH_ANY}, {abi::futex_waiters, FUTEX_WAITERS},
    {abi::futex_owner_died, FUTEX_OWNER_DIED}, {abi::futex_tid_mask, FUTEX_TID_MASK},
    {abi::pollin, POLLIN}, {abi::pollpri, POLLPRI}, {abi::pollout, POLLOUT},
    {abi::pollerr, POLLERR}, {abi::pollhup, POLLHUP}, {abi::pollnval, POLLNVAL},
    {abi::pollrdnorm, POLLRDNORM}, {abi::pollwrnorm, POLLWRNORM}, {abi::wnohang, WNOHANG},
    {abi::wuntraced, WUNTRACED}, {abi::wexited, WEXITED}, {abi::wcontinued, WCONTINUED},
    {abi::wnowait, WNOWAIT}, {abi::p_all, P_ALL}, {abi::p_pid, P_PID}, {abi::p_pgid, P_PGID},
    {abi::p_pidfd, P_PIDFD},
    {abi::pr_set_pdeathsig, PR_SET_PDEATHSIG}, {abi::pr_get_pdeathsig, PR_GET_PDEATHSIG},
    {abi::pr_get_dumpable, PR_GET_DUMPABLE}, {abi::pr_set_dumpable, PR_SET_DUMPABLE},
    {abi::pr_set_name, PR_SET_NAME}, {abi::pr_get_name, PR_GET_NAME},
    {abi::pr_set_child_subreaper, PR_SET_CHILD_SUBREAPER},
    {abi::pr_get_child_subreaper, PR_GET_CHILD_SUBREAPER},
    {abi::pr_set_no_new_privs, PR_SET_NO_NEW_PRIVS},
    {abi::pr_get_no_new_privs, PR_GET_NO_NEW_PRIVS},
    {abi::pr_get_tid_address, PR_GET_TID_ADDRESS},
    {abi::at_minsigstksz, AT_MINSIGSTKSZ},
    {abi::clock_realtime, CLOCK_REALTIME}, {abi::clock_monotonic, CLOCK_MONOTONIC},
    {abi::clock_process_cputime_id, CLOCK_PROCESS_CPUTIME_ID},
    {abi::clock_thread_cputime_id, CLOCK_THREAD_CPUTIME_ID},
    {abi::clock_monotonic_raw, CLOCK_MONOTONIC_RAW},
    {abi::clock_realtime_coarse, CLOCK_REALTIME_COARSE},
    {abi::clock_monotonic_coarse, CLOCK_MONOTONIC_COARSE}, {abi::clock_boottime, CLOCK_BOOTTIME},
    {abi::timer_abstime, TIMER_ABSTIME}, {abi::sched_other, SCHED_OTHER},
    {abi::sched_fifo, SCHED_FIFO}, {abi::sched_rr, SCHED_RR}, {abi::sched_batch, SCHED_BATCH},
    {abi::sched_idle, SCHED_IDLE}, {abi::sched_reset_on_fork, SCHED_RESET_ON_FORK},
    {abi::prio_process, PRIO_PROCESS}, {abi::prio_pgrp, PRIO_PGRP}, {abi::prio_user, PRIO_USER},
    {abi::grnd_nonblock, GRND_NONBLOCK}, {abi::grnd_random, GRND_RANDOM}, {abi::tcgets, TCGETS},
    {abi::tcsets, TCSETS}, {abi::tcsetsw, TCSETSW}, {abi::tcsetsf, TCSETSF},
    {abi::tiocgpgrp, TIOCGPGRP}, {abi::tiocspgrp, TIOCSPGRP}, {abi::tiocgwinsz, TIOCGWINSZ},
    {abi::tiocswinsz, TIOCSWINSZ}, {abi::fionread, FIONREAD}, {abi::rlimit_cpu, RLIMIT_CPU},
    {abi::rlimit_fsize, RLIMIT_FSIZE}, {abi::rlimit_data, RLIMIT_DATA},
    {abi::rlimit_stack, RLIMIT_STACK}, {abi::rlimit_core, RLIMIT_CORE},
    {abi::rlimit_nproc, RLIMIT_NPROC}, {abi::rlimit_nofile, RLIMIT_NOFILE},
    {abi::rlimit_as, RLIMIT_AS}, {abi::rlimit_count, RLIM_NLIMITS}, {abi::at_null, AT_NULL},
    {abi::at_phdr, AT_PHDR}, {abi::at_phent, AT_PHENT}, {abi::at_phnum, AT_PHNUM},
    {abi::at_pagesz, AT_PAGESZ}, {abi::at_base, AT_BASE}, {abi::at_flags, AT_FLAGS},
    {abi::at_entry, AT_ENTRY}, {abi::at_uid, AT_UID}, {abi::at_euid, AT_EUID},
    {abi::at_gid, AT_GID}, {abi::at_egid, AT_EGID}, {abi::at_platform, AT_PLATFORM},
    {abi::at_hwcap, AT_HWCAP}, {abi::at_clktck, AT_CLKTCK}, {abi::at_secure, AT_SECURE},
    {abi::at_random, AT_RANDOM}, {abi::at_execfn, AT_EXECFN},
    {abi::at_sysinfo_ehdr, AT_SYSINFO_EHDR},
};

constexpr Pair errors[] = {
    {Errno::eperm, EPERM}, {Errno::enoent, ENOENT}, {Errno::esrch, ESRCH}, {Errno::eintr, EINTR},
    {Errno::eio, EIO}, {Errno::enxio, ENXIO}, {Errno::e2big, E2BIG}, {Errno::enoexec, ENOEXEC},
    {Errno::ebadf, EBADF}, {Errno::echild, ECHILD}, {Errno::eagain, EAGAIN},
    {Errno::enomem, ENOMEM}, {Errno::eacces, EACCES}, {Errno::efault, EFAULT},
    {Errno::ebusy, EBUSY}, {Errno::eexist, EEXIST}, {Errno::exdev, EXDEV}, {Errno::enodev, ENODEV},
    {Errno::enotdir, ENOTDIR}, {Errno::eisdir, EISDIR}, {Errno::einval, EINVAL},
    {Errno::enfile, ENFILE}, {Errno::emfile, EMFILE}, {Errno::enotty, ENOTTY},
    {Errno::efbig, EFBIG}, {Errno::enospc, ENOSPC}, {Errno::espipe, ESPIPE}, {Errno::erofs, EROFS},
    {Errno::emlink, EMLINK}, {Errno::epipe, EPIPE}, {Errno::edom, EDOM}, {Errno::erange, ERANGE},
    {Errno::edeadlk, EDEADLK}, {Errno::enametoolong, ENAMETOOLONG}, {Errno::enolck, ENOLCK},
    {Errno::enosys, ENOSYS}, {Errno::enotempty, ENOTEMPTY}, {Errno::eloop, ELOOP},
    {Errno::eoverflow, EOVERFLOW}, {Errno::elibbad, ELIBBAD},
    {Errno::enotsup, ENOTSUP}, {Errno::etimedout, ETIMEDOUT},
    {Errno::ecanceled, ECANCELED},
};

constexpr Pair signals[] = {
    {Signal::sighup, SIGHUP}, {Signal::sigint, SIGINT}, {Signal::sigquit, SIGQUIT},
    {Signal::sigill, SIGILL}, {Signal::sigtrap, SIGTRAP}, {Signal::sigabrt, SIGABRT},
    {Signal::sigbus, SIGBUS}, {Signal::sigfpe, SIGFPE}, {Signal::sigkill, SIGKILL},
    {Signal::sigusr1, SIGUSR1}, {Signal::sigsegv, SIGSEGV}, {Signal::sigusr2, SIGUSR2},
    {Signal::sigpipe, SIGPIPE}, {Signal::sigalrm, SIGALRM}, {Signal::sigterm, SIGTERM},
    {Signal::sigstkflt, SIGSTKFLT}, {Signal::sigchld, SIGCHLD}, {Signal::sigcont, SIGCONT},
    {Signal::sigstop, SIGSTOP}, {Signal::sigtstp, SIGTSTP}, {Signal::sigttin, SIGTTIN},
    {Signal::sigttou, SIGTTOU}, {Signal::sigurg, SIGURG}, {Signal::sigxcpu, SIGXCPU},
    {Signal::sigxfsz, SIGXFSZ}, {Signal::sigvtalrm, SIGVTALRM}, {Signal::sigprof, SIGPROF},
    {Signal::sigwinch, SIGWINCH}, {Signal::sigio, SIGIO}, {Signal::sigpwr, SIGPWR},
    {Signal::sigsys, SIGSYS},
};

constexpr Pair layouts[] = {
    {sizeof(abi::Timespec), sizeof(timespec)}, {sizeof(abi::Timeval), sizeof(timeval)},
    {sizeof(abi::IoVector), sizeof(iovec)}, {sizeof(abi::Stat), sizeof(struct stat)},
    {offsetof(abi::Stat, mode), offsetof(struct stat, st_mode)},
    {offsetof(abi::Stat, links), offsetof(struct stat, st_nlink)},
    {offsetof(abi::Stat, special_device), offsetof(struct stat, st_rdev)},
    {offsetof(abi::Stat, size), offsetof(struct stat, st_size)},
    {offsetof(abi::Stat, block_size), offsetof(struct stat, st_blksize)},
    {offsetof(abi::Stat, blocks), offsetof(struct stat, st_blocks)},
    {offsetof(abi::Stat, modified), offsetof(struct stat, st_mtim)},
    {offsetof(abi::DirectoryEntry, record_length), offsetof(dirent64, d_reclen)},
    {abi::directory_entry_name, offsetof(dirent64, d_name)},
    {sizeof(abi::Utsname), sizeof(utsname)}, {sizeof(abi::Sysinfo), sizeof(struct sysinfo)},
    {offsetof(abi::Sysinfo, free_ram), offsetof(struct sysinfo, freeram)},
    {offsetof(abi::Sysinfo, unit), offsetof(struct sysinfo, mem_unit)},
    {sizeof(abi::PollFd), sizeof(pollfd)},
    {offsetof(abi::PollFd, returned), offsetof(pollfd, revents)},
    {sizeof(abi::ResourceUsage), sizeof(rusage)}, {sizeof(abi::WindowSize), sizeof(winsize)},
    {sizeof(abi::RobustListHead), sizeof(robust_list_head)},
    {offsetof(abi::CloneArguments, exit_signal), offsetof(clone_args, exit_signal)},
    {offsetof(abi::CloneArguments, stack_bytes), offsetof(clone_args, stack_size)},
    {offsetof(abi::CloneArguments, set_tid), offsetof(clone_args, set_tid)},
    {offsetof(abi::CloneArguments, cgroup), offsetof(clone_args, cgroup)},
    {sizeof(abi::ProcessTimes), sizeof(tms)},
    {offsetof(abi::ProcessTimes, children_user), offsetof(tms, tms_cutime)},
};
// clang-format on

// The number of pairs; does not compile if a pair differs.
template <std::size_t count>
consteval std::size_t same(const Pair (&pairs)[count]) {
  for (const auto& [own, theirs] : pairs) {
    if (own != theirs) throw "two numbers differ";
  }
  return count;
}

constexpr auto checked = same(calls) + same(flags) + same(errors) + same(signals) + same(layouts);

}  // namespace

int main() {
  std::cout << checked << " numbers, flags and layouts are Linux's\n";

  errno = 0;
  const long pid = syscall(static_cast<long>(abi::Call::getpid));
  std::cout << "getpid by number: " << (pid == getpid() ? "the same" : "another") << '\n';
  const auto killed = abi::WaitStatus::killed(Signal::sigsegv).word();
  const auto exited = abi::WaitStatus::exited(300).word();
  std::cout << (WIFSIGNALED(killed) && WTERMSIG(killed) == SIGSEGV) << ' '
            << (WIFEXITED(exited) && WEXITSTATUS(exited) == (300 & 0xff)) << '\n';
  return 0;
}
