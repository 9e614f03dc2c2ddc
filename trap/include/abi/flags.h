// Linux's flag words and small enumerations, by their usual names in lower case. Octal where
// Linux's manual counts in octal. Source: asm-generic/{fcntl,mman-common,poll,ioctls}.h,
// linux/{sched,futex,time,wait}.h.
#pragma once

#include <cstdint>

namespace abi {

// openat, fcntl, dup3, pipe2
inline constexpr int o_rdonly = 0;
inline constexpr int o_wronly = 1;
inline constexpr int o_rdwr = 2;
inline constexpr int o_accmode = 3;
inline constexpr int o_creat = 0100;
inline constexpr int o_excl = 0200;
inline constexpr int o_noctty = 0400;
inline constexpr int o_trunc = 01000;
inline constexpr int o_append = 02000;
inline constexpr int o_nonblock = 04000;
inline constexpr int o_async = 020000;
inline constexpr int o_direct = 040000;
inline constexpr int o_largefile = 0100000;
inline constexpr int o_directory = 0200000;
inline constexpr int o_nofollow = 0400000;
inline constexpr int o_cloexec = 02000000;
inline constexpr int o_path = 010000000;
inline constexpr int o_tmpfile = 020000000;  // Linux: __O_TMPFILE, which needs o_directory, too

inline constexpr int f_dupfd = 0;
inline constexpr int f_getfd = 1;
inline constexpr int f_setfd = 2;
inline constexpr int f_getfl = 3;
inline constexpr int f_setfl = 4;
inline constexpr int f_getlk = 5;
inline constexpr int f_setlk = 6;
inline constexpr int f_setlkw = 7;
inline constexpr int f_setown = 8;
inline constexpr int f_getown = 9;
inline constexpr int f_setsig = 10;
inline constexpr int f_getsig = 11;
inline constexpr int f_setown_ex = 15;
inline constexpr int f_getown_ex = 16;
inline constexpr int f_ofd_getlk = 36;
inline constexpr int f_ofd_setlk = 37;
inline constexpr int f_ofd_setlkw = 38;
inline constexpr int f_notify = 1026;
inline constexpr int f_dupfd_cloexec = 1030;
inline constexpr int f_getpipe_size = 1032;  // F_GETPIPE_SZ
inline constexpr int f_add_seals = 1033;
inline constexpr int f_get_seals = 1034;
inline constexpr unsigned dn_access = 1;
inline constexpr unsigned dn_modify = 2;
inline constexpr unsigned dn_create = 4;
inline constexpr unsigned dn_delete = 8;
inline constexpr unsigned dn_rename = 16;
inline constexpr unsigned dn_attrib = 32;
inline constexpr unsigned dn_multishot = 1U << 31;
inline constexpr short f_rdlck = 0;
inline constexpr short f_wrlck = 1;
inline constexpr short f_unlck = 2;
inline constexpr unsigned f_seal_seal = 1;
inline constexpr unsigned f_seal_shrink = 2;
inline constexpr unsigned f_seal_grow = 4;
inline constexpr unsigned f_seal_write = 8;
inline constexpr unsigned f_seal_future_write = 16;
inline constexpr int fd_cloexec = 1;

inline constexpr int seek_set = 0;
inline constexpr int seek_cur = 1;
inline constexpr int seek_end = 2;
inline constexpr int seek_data = 3;
inline constexpr int seek_hole = 4;

// flock
inline constexpr int lock_sh = 1;
inline constexpr int lock_ex = 2;
inline constexpr int lock_nb = 4;
inline constexpr int lock_un = 8;

// memfd_create
inline constexpr unsigned mfd_cloexec = 1;
inline constexpr unsigned mfd_allow_sealing = 2;
inline constexpr unsigned mfd_noexec_seal = 8;
inline constexpr unsigned mfd_exec = 16;

// fallocate
inline constexpr int falloc_keep_size = 1;
inline constexpr int falloc_punch_hole = 2;
inline constexpr int falloc_zero_range = 16;

// splice, tee, vmsplice
inline constexpr unsigned splice_move = 1;
inline constexpr unsigned splice_nonblock = 2;
inline constexpr unsigned splice_more = 4;
inline constexpr unsigned splice_gift = 8;

// utimensat, in place of nanoseconds
inline constexpr std::int64_t utime_now = (std::int64_t{1} << 30) - 1;
inline constexpr std::int64_t utime_omit = (std::int64_t{1} << 30) - 2;

// setxattr
inline constexpr int xattr_create = 1;
inline constexpr int xattr_replace = 2;

// close_range
inline constexpr unsigned close_range_unshare = 2;
inline constexpr unsigned close_range_cloexec = 4;

// openat2
inline constexpr std::uint64_t resolve_no_xdev = 0x01;
inline constexpr std::uint64_t resolve_no_magiclinks = 0x02;
inline constexpr std::uint64_t resolve_no_symlinks = 0x04;
inline constexpr std::uint64_t resolve_beneath = 0x08;
inline constexpr std::uint64_t resolve_in_root = 0x10;
inline constexpr std::uint64_t resolve_cached = 0x20;

// renameat2
inline constexpr unsigned rename_noreplace = 1;
inline constexpr unsigned rename_exchange = 2;
inline constexpr unsigned rename_whiteout = 4;

// statx
inline constexpr unsigned statx_basic_stats = 0x7ff;
inline constexpr unsigned statx_btime = 0x800;
inline constexpr unsigned statx_mnt_id = 0x1000;
inline constexpr unsigned statx_reserved = 0x8000'0000;
inline constexpr int at_statx_force_sync = 0x2000;
inline constexpr int at_statx_dont_sync = 0x4000;
inline constexpr int at_statx_sync_type = at_statx_force_sync | at_statx_dont_sync;
inline constexpr std::uint64_t statx_attr_mount_root = 0x2000;

// *at calls
inline constexpr int at_fdcwd = -100;
inline constexpr int at_symlink_nofollow = 0x100;
inline constexpr int at_removedir = 0x200;       // unlinkat
inline constexpr int at_eaccess = 0x200;         // faccessat2
inline constexpr int at_symlink_follow = 0x400;  // linkat
inline constexpr int at_no_automount = 0x800;
inline constexpr int at_empty_path = 0x1000;

// faccessat
inline constexpr int f_ok = 0;
inline constexpr int x_ok = 1;
inline constexpr int w_ok = 2;
inline constexpr int r_ok = 4;

// Stat::mode
inline constexpr unsigned s_ifmt = 0170000;
inline constexpr unsigned s_ififo = 0010000;
inline constexpr unsigned s_ifchr = 0020000;
inline constexpr unsigned s_ifdir = 0040000;
inline constexpr unsigned s_ifblk = 0060000;
inline constexpr unsigned s_ifreg = 0100000;
inline constexpr unsigned s_iflnk = 0120000;
inline constexpr unsigned s_ifsock = 0140000;
inline constexpr unsigned s_isuid = 04000;
inline constexpr unsigned s_isgid = 02000;
inline constexpr unsigned s_ixgrp = 010;

// DirectoryEntry::type
inline constexpr unsigned char dt_unknown = 0;
inline constexpr unsigned char dt_fifo = 1;
inline constexpr unsigned char dt_chr = 2;
inline constexpr unsigned char dt_dir = 4;
inline constexpr unsigned char dt_blk = 6;
inline constexpr unsigned char dt_reg = 8;
inline constexpr unsigned char dt_lnk = 10;
inline constexpr unsigned char dt_sock = 12;

// mmap, mprotect, madvise
inline constexpr int prot_none = 0;
inline constexpr int prot_read = 1;
inline constexpr int prot_write = 2;
inline constexpr int prot_exec = 4;
inline constexpr int prot_sem = 8;  // no effect
inline constexpr int map_shared = 0x01;
inline constexpr int map_private = 0x02;
inline constexpr int map_type = 0x0f;
inline constexpr int map_fixed = 0x10;
inline constexpr int map_anonymous = 0x20;
inline constexpr int map_growsdown = 0x0100;
inline constexpr int map_noreserve = 0x4000;
inline constexpr int map_populate = 0x8000;
inline constexpr int map_stack = 0x20000;
inline constexpr int map_fixed_noreplace = 0x100000;
inline constexpr int map_shared_validate = 0x03;
inline constexpr int ms_async = 1;
inline constexpr int ms_invalidate = 2;
inline constexpr int ms_sync = 4;
inline constexpr int mremap_maymove = 1;
inline constexpr int mremap_fixed = 2;
inline constexpr int mremap_dontunmap = 4;
inline constexpr int mcl_current = 1;
inline constexpr int mcl_future = 2;
inline constexpr int mcl_onfault = 4;
inline constexpr unsigned mlock_onfault = 1;
inline constexpr int madv_dontneed = 4;
inline constexpr int madv_free = 8;

// clone
inline constexpr unsigned long csignal =
    0xff;  // the low byte: the signal sent to the parent at exit
inline constexpr unsigned long clone_vm = 0x100;
inline constexpr unsigned long clone_fs = 0x200;
inline constexpr unsigned long clone_files = 0x400;
inline constexpr unsigned long clone_sighand = 0x800;
inline constexpr unsigned long clone_vfork = 0x4000;
inline constexpr unsigned long clone_parent = 0x8000;
inline constexpr unsigned long clone_thread = 0x10000;
inline constexpr unsigned long clone_newns = 0x20000;
inline constexpr unsigned long clone_sysvsem = 0x40000;
inline constexpr unsigned long clone_settls = 0x80000;
inline constexpr unsigned long clone_parent_settid = 0x100000;
inline constexpr unsigned long clone_child_cleartid = 0x200000;
inline constexpr unsigned long clone_detached = 0x400000;
inline constexpr unsigned long clone_untraced = 0x800000;
inline constexpr unsigned long clone_child_settid = 0x1000000;
inline constexpr unsigned long clone_clear_sighand = 0x1'0000'0000;  // clone3

// futex
inline constexpr int futex_wait = 0;
inline constexpr int futex_wake = 1;
inline constexpr int futex_requeue = 3;
inline constexpr int futex_cmp_requeue = 4;
inline constexpr int futex_wake_op = 5;
inline constexpr int futex_lock_pi = 6;
inline constexpr int futex_unlock_pi = 7;
inline constexpr int futex_trylock_pi = 8;
inline constexpr int futex_wait_bitset = 9;
inline constexpr int futex_wake_bitset = 10;
inline constexpr int futex_lock_pi2 = 13;
inline constexpr int futex_private_flag = 128;
inline constexpr int futex_clock_realtime = 256;
inline constexpr int futex_command_mask = ~(futex_private_flag | futex_clock_realtime);
inline constexpr unsigned futex_bitset_match_any = 0xffffffff;

// futex_wait, futex_wake, futex_requeue and futex_waitv: flags of a futex
inline constexpr unsigned futex2_size_u32 = 2;
inline constexpr unsigned futex2_private = 128;
inline constexpr unsigned futex_waitv_most = 128;

// Robust futex words (set_robust_list)
inline constexpr unsigned futex_waiters = 0x80000000;
inline constexpr unsigned futex_owner_died = 0x40000000;
inline constexpr unsigned futex_tid_mask = 0x3fffffff;

// ppoll
inline constexpr short pollin = 0x01;
inline constexpr short pollpri = 0x02;
inline constexpr short pollout = 0x04;
inline constexpr short pollerr = 0x08;
inline constexpr short pollhup = 0x10;
inline constexpr short pollnval = 0x20;
inline constexpr short pollrdnorm = 0x40;
inline constexpr short pollwrnorm = 0x100;
inline constexpr short pollwrband = 0x200;
inline constexpr short pollrdhup = 0x2000;

// wait4, waitid
inline constexpr int wnohang = 1;
inline constexpr int wuntraced = 2;  // waitid: WSTOPPED
inline constexpr int wexited = 4;    // waitid
inline constexpr int wcontinued = 8;
inline constexpr int wnowait = 0x0100'0000;  // waitid
inline constexpr int p_all = 0;              // waitid: which children
inline constexpr int p_pid = 1;
inline constexpr int p_pgid = 2;
inline constexpr int p_pidfd = 3;

// clocks
inline constexpr int clock_realtime = 0;
inline constexpr int clock_monotonic = 1;
inline constexpr int clock_process_cputime_id = 2;
inline constexpr int clock_thread_cputime_id = 3;
inline constexpr int clock_monotonic_raw = 4;
inline constexpr int clock_realtime_coarse = 5;
inline constexpr int clock_monotonic_coarse = 6;
inline constexpr int clock_boottime = 7;
inline constexpr int timer_abstime = 1;

// sched_setscheduler, setpriority
inline constexpr int sched_other = 0;
inline constexpr int sched_fifo = 1;
inline constexpr int sched_rr = 2;
inline constexpr int sched_batch = 3;
inline constexpr int sched_idle = 5;
inline constexpr int sched_deadline = 6;
inline constexpr int sched_reset_on_fork = 0x40000000;
inline constexpr unsigned long sched_flag_reset_on_fork = 0x01;  // sched_setattr
inline constexpr unsigned long sched_flag_reclaim = 0x02;
inline constexpr unsigned long sched_flag_overrun = 0x04;  // SCHED_FLAG_DL_OVERRUN
inline constexpr unsigned long sched_flag_keep_policy = 0x08;
inline constexpr unsigned long sched_flag_keep_params = 0x10;
inline constexpr unsigned long sched_flag_util_clamp = 0x60;
inline constexpr int prio_process = 0;
inline constexpr int prio_pgrp = 1;
inline constexpr int prio_user = 2;

// getrandom
inline constexpr unsigned grnd_nonblock = 1;
inline constexpr unsigned grnd_random = 2;

// ioctl on a terminal
inline constexpr unsigned long tcgets = 0x5401;
inline constexpr unsigned long tcsets = 0x5402;
inline constexpr unsigned long tcsetsw = 0x5403;
inline constexpr unsigned long tcsetsf = 0x5404;
inline constexpr unsigned long tcsbrk = 0x5409;
inline constexpr unsigned long tcxonc = 0x540a;
inline constexpr unsigned long tcflsh = 0x540b;
inline constexpr unsigned long tiocsctty = 0x540e;
inline constexpr unsigned long tiocgpgrp = 0x540f;
inline constexpr unsigned long tiocspgrp = 0x5410;
inline constexpr unsigned long tiocgwinsz = 0x5413;
inline constexpr unsigned long tiocswinsz = 0x5414;
inline constexpr unsigned long fionread = 0x541b;
inline constexpr unsigned long fionbio = 0x5421;
inline constexpr unsigned long fionclex = 0x5450;
inline constexpr unsigned long fioclex = 0x5451;
inline constexpr unsigned long fioasync = 0x5452;
inline constexpr unsigned long fiosetown = 0x8901;
inline constexpr unsigned long siocspgrp = 0x8902;
inline constexpr unsigned long fiogetown = 0x8903;
inline constexpr unsigned long siocgpgrp = 0x8904;
inline constexpr unsigned long tiocnotty = 0x5422;
inline constexpr unsigned long tcsbrkp = 0x5425;
inline constexpr unsigned long tiocgsid = 0x5429;

// ioctl on a disk
inline constexpr unsigned long blk_read_only = 0x125e;         // BLKROGET
inline constexpr unsigned long blk_get_size = 0x1260;          // BLKGETSIZE: in units of 512 bytes
inline constexpr unsigned long blk_sector_size = 0x1268;       // BLKSSZGET
inline constexpr unsigned long blk_get_size_64 = 0x8008'1272;  // BLKGETSIZE64

// getrlimit, prlimit64
inline constexpr int rlimit_cpu = 0;
inline constexpr int rlimit_fsize = 1;
inline constexpr int rlimit_data = 2;
inline constexpr int rlimit_stack = 3;
inline constexpr int rlimit_core = 4;
inline constexpr int rlimit_nproc = 6;
inline constexpr int rlimit_nofile = 7;
inline constexpr int rlimit_memlock = 8;
inline constexpr int rlimit_as = 9;
inline constexpr int rlimit_sigpending = 11;
inline constexpr int rlimit_msgqueue = 12;
inline constexpr int rlimit_nice = 13;
inline constexpr int rlimit_rtprio = 14;
inline constexpr int rlimit_count = 16;

// The auxiliary vector
inline constexpr unsigned long at_null = 0;
inline constexpr unsigned long at_phdr = 3;
inline constexpr unsigned long at_phent = 4;
inline constexpr unsigned long at_phnum = 5;
inline constexpr unsigned long at_pagesz = 6;
inline constexpr unsigned long at_base = 7;
inline constexpr unsigned long at_flags = 8;
inline constexpr unsigned long at_entry = 9;
inline constexpr unsigned long at_uid = 11;
inline constexpr unsigned long at_euid = 12;
inline constexpr unsigned long at_gid = 13;
inline constexpr unsigned long at_egid = 14;
inline constexpr unsigned long at_platform = 15;
inline constexpr unsigned long at_sysinfo = 32;
inline constexpr unsigned long at_hwcap = 16;
inline constexpr unsigned long at_clktck = 17;
inline constexpr unsigned long at_secure = 23;
inline constexpr unsigned long at_random = 25;
inline constexpr unsigned long at_rseq_feature_size = 27;
inline constexpr unsigned long at_rseq_align = 28;
inline constexpr unsigned long at_execfn = 31;
inline constexpr unsigned long at_sysinfo_ehdr = 33;
inline constexpr unsigned long at_minsigstksz = 51;

}  // namespace abi
