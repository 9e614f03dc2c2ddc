// The system calls about files, as typed functions (see calls.h).
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/task.h>
#include <async/time.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>

#include "memory/user_memory.h"
#include "process/syscall_table.h"

namespace kernel {
class File;
class Thread;
}  // namespace kernel

namespace kernel::sys {

// ── files_io.cpp: reading and writing ──

using Transfer = Result<std::size_t>;

// `shares`: the handler for a hart that shares the strand (outside.h). Without it the caller is in
// the strand.

/// linux: On a terminal VTIME has no effect, and VMIN matters only where it is 0. A read that would
///   end behind the last possible position answers 0 instead of EINVAL.
template <bool shares = false>
trap::Answer<Transfer> read(Thread&, int fd, UserSpan<std::byte> to);

/// linux: A write to a text file of /proc has 128 bytes at most (EINVAL).
template <bool shares = false>
trap::Answer<Transfer> write(Thread&, int fd, UserSpan<const std::byte> from);

/// linux: A read from a pipe into a list with a bad part stores the bytes before that part; Linux
///   fails with EFAULT and leaves all bytes in the pipe.
trap::Answer<Transfer> readv(Thread&, int fd, UserPtr<const abi::IoVector> to, int count);

/// linux: As `write`.
trap::Answer<Transfer> writev(Thread&, int fd, UserPtr<const abi::IoVector> from, int count);

/// linux: none known
template <bool shares = false>
trap::Answer<Transfer> pread64(Thread&, int fd, UserSpan<std::byte> to, std::int64_t offset);

/// linux: As `write`.
template <bool shares = false>
trap::Answer<Transfer> pwrite64(Thread&, int fd, UserSpan<const std::byte> from,
                                std::int64_t offset);

/// flags: SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE; EINVAL for others
/// linux: Only files in /tmp have holes. In a directory only SEEK_SET works, and SEEK_CUR by 0.
Result<std::int64_t> lseek(Thread&, int fd, std::int64_t offset, int whence);

/// linux: One call answers 64 KiB of entries at most. The entries are in the order of their names,
///   but in a folder of the host in its order.
Transfer getdents64(Thread&, int fd, UserSpan<std::byte> to);

/// linux: On a file of the host the call does not test RLIMIT_FSIZE.
Result<> ftruncate(Thread&, int fd, std::int64_t size);

/// linux: A file that is neither a disk nor the host's has nothing to write back: the answer is 0,
///   also for a file of /proc.
trap::Answer<Result<>> fsync(Thread&, int fd);

// ── files_descriptors.cpp: file descriptors ──

/// linux: none known
Result<> close(Thread&, int fd);

/// flags: CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE; EINVAL for others
/// linux: CLOSE_RANGE_UNSHARE fails with EINVAL in a process with several threads.
trap::Answer<Result<>> close_range(Thread&, unsigned first, unsigned last, unsigned flags);

/// linux: none known
Result<int> dup(Thread&, int fd);

/// flags: O_CLOEXEC; EINVAL for others
/// linux: none known
Result<int> dup3(Thread&, int from, int to, int flags);

/// flags: O_CLOEXEC, O_NONBLOCK, O_DIRECT; EINVAL for others
/// linux: O_DIRECT has no effect: a pipe is always a stream of bytes.
Result<> pipe2(Thread&, UserPtr<int> ends, int flags);

/// flags: F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK,
///   F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG,
///   F_SETOWN_EX, F_GETOWN_EX, F_NOTIFY, F_GETPIPE_SZ, F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS;
///   EINVAL for other commands
/// linux: There are no leases, a lock of a pipe fails with ENOLCK, F_SEAL_EXEC fails with EINVAL,
///   and a pipe has 64 KiB at most (EPERM). F_SETFL changes O_APPEND, O_ASYNC, O_NONBLOCK and
///   O_DIRECT; a call that waits already does not notice O_NONBLOCK. F_GETFL shows O_LARGEFILE only
///   where the program gave it. A terminal without an owner sends no signals. Wakes of a file until
///   its hart returns to a program send one signal. F_NOTIFY lasts until the last copy of the
///   descriptor is closed, and a file has one.
trap::Answer<Result<int>> fcntl(Thread&, int fd, int command, std::uintptr_t argument);

/// F_GETLK, F_SETLK, F_SETLKW and F_OFD_* of fcntl (file_locking.cpp), for `file`, which is `fd`.
trap::Answer<Result<int>> lock_record(Thread& self, int fd, File& file, int command,
                                      UserPtr<abi::Flock> range);

/// flags: FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC; on a terminal TCGETS, TCSETS, TCSETSW, TCSETSF,
///   TCGETA, TCSETA, TCSETAW, TCSETAF, TIOCGLCKTRMIOS, TIOCSLCKTRMIOS, TIOCEXCL, TIOCNXCL,
///   TIOCGEXCL, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY,
///   TCFLSH, TCSBRK, TCXONC, TIOCOUTQ, FIONREAD; on /dev/ptmx also TIOCGPTN, TIOCSPTLCK,
///   TIOCGPTLCK, TIOCGPTPEER, TIOCSIG; on a pipe FIONREAD; on a socket FIONREAD, SIOCOUTQ,
///   FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP; on a disk BLKGETSIZE, BLKGETSIZE64, BLKSSZGET,
///   BLKROGET; ENOTTY for others
/// linux: TCSETSW, TCSETAW and TCSBRK do not wait for output. TIOCPKT fails with ENOTTY. An open of
///   the console does not make it the controlling terminal. TIOCNOTTY of a process that leads no
///   session fails with ENOTTY. FIONREAD on a regular file fails with ENOTTY.
Result<int> ioctl(Thread&, int fd, unsigned long request, std::uintptr_t argument);

// ── eventfd.cpp ──

/// flags: EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE; EINVAL for others
/// linux: none known
Result<int> eventfd2(Thread&, std::uint32_t count, int flags);

// ── files_status.cpp: the status of files ──

/// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_STATX_FORCE_SYNC,
///   AT_STATX_DONT_SYNC; EINVAL for others
/// linux: The answer has the basic fields, the time of creation and the mount, whatever the mask
///   asks for. The mount's number is that of the file system.
Result<> statx(Thread&, int directory, UserPtr<const char> path, int flags, unsigned mask,
               UserPtr<abi::Statx> to);

// ── files_paths.cpp: opening files by path ──

/// flags: O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK,
///   O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_TMPFILE; others have no effect
/// linux: A program can create files only in /tmp, /dev/shm and folders of the host; elsewhere the
///   error is EROFS. O_SYNC, O_DSYNC, O_DIRECT and O_NOATIME have no effect. In a folder of the
///   host a device, a socket or a FIFO fails with ENXIO, and O_TMPFILE with EOPNOTSUPP. Read and
///   write permissions do not matter, because every program is the superuser's.
trap::Answer<Result<int>> openat(Thread&, int directory, UserPtr<const char> path, int flags,
                                 unsigned mode);

/// linux: A file of the boot archive has the time in the archive, which `./cotrap` leaves at 1970.
///   Reads of a file in /tmp set its time of access as with the option `relatime`, but not once a
///   day. The size of a directory is 0.
Result<> fstat(Thread&, int fd, UserPtr<abi::Stat> status);

/// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_NO_AUTOMOUNT; EINVAL for others
/// linux: As `fstat`.
Result<> newfstatat(Thread&, int directory, UserPtr<const char> path, UserPtr<abi::Stat> status,
                    int flags);

/// flags: R_OK, W_OK, X_OK, F_OK; EINVAL for others
/// linux: Every program is the superuser's, so only X_OK can fail, and W_OK in a read-only place.
Result<> faccessat(Thread&, int directory, UserPtr<const char> path, int mode);

/// flags: AT_SYMLINK_NOFOLLOW, AT_EACCESS, AT_EMPTY_PATH; EINVAL for others
/// linux: As `faccessat`.
Result<> faccessat2(Thread&, int directory, UserPtr<const char> path, int mode, int flags);

/// linux: none known
Transfer readlinkat(Thread&, int directory, UserPtr<const char> path, UserSpan<char> to);

/// linux: none known
Transfer getcwd(Thread&, UserSpan<char> to);

/// linux: Every directory can be entered, because every program is the superuser's.
Result<> chdir(Thread&, UserPtr<const char> path);

/// linux: Every directory can be entered, because every program is the superuser's.
Result<> fchdir(Thread&, int fd);

/// linux: none known
unsigned umask(Thread&, unsigned mask);

// ── files_names.cpp: creating and removing names, in writable directories ──

/// linux: A program can make directories only in /tmp, /dev/shm and folders of the host; elsewhere
///   the error is EROFS.
Result<> mkdirat(Thread&, int directory, UserPtr<const char> path, unsigned mode);

/// linux: A program can make links only in /tmp, /dev/shm and folders of the host; elsewhere the
///   error is EROFS.
Result<> symlinkat(Thread&, UserPtr<const char> target, int directory, UserPtr<const char> path);

/// flags: AT_REMOVEDIR; EINVAL for others
/// linux: A program can remove names only in /tmp, /dev/shm and folders of the host. Elsewhere a
///   name of the wrong kind fails with EISDIR or ENOTDIR, as in /tmp, and any other fails with
///   EROFS.
Result<> unlinkat(Thread&, int directory, UserPtr<const char> path, int flags);

/// flags: RENAME_NOREPLACE, RENAME_EXCHANGE; EINVAL for others
/// linux: RENAME_WHITEOUT fails with EINVAL, and so do all flags in a folder of the host, as with
///   Linux's client of 9P. A rename between two places outside /tmp and those folders fails with
///   EROFS, also where Linux fails with EXDEV.
Result<> renameat2(Thread&, int old_directory, UserPtr<const char> old_path, int directory,
                   UserPtr<const char> path, unsigned flags);

// ── sockets_messages.cpp: messages (sockets.h has the other calls of sockets) ──

/// flags: MSG_DONTWAIT, MSG_NOSIGNAL, for TCP MSG_MORE; MSG_OOB fails with EOPNOTSUPP, and so does
///   MSG_MORE for UDP; others have no effect
/// linux: A stream has no urgent byte (MSG_OOB). A datagram over IPv6 has at most 65,487 bytes.
template <bool shares = false>
trap::Answer<Transfer> sendto(Thread&, int fd, UserSpan<std::byte> bytes, int flags,
                              std::uintptr_t address, int length);

/// flags: MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL; MSG_OOB fails, others have no effect
/// linux: A stream has no urgent byte (MSG_OOB).
template <bool shares = false>
trap::Answer<Transfer> recvfrom(Thread&, int fd, UserSpan<std::byte> bytes, int flags,
                                std::uintptr_t address, UserPtr<int> length);

// ── files_poll.cpp: waiting for several files ──

/// ppoll with a deadline and without a signal mask.
trap::Answer<Result<int>> poll_until(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                     async::Instant deadline);

/// flags: POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDNORM, POLLWRNORM; it reports no others
/// linux: The call does not write the remaining time back.
trap::Answer<Result<int>> ppoll(Thread&, UserPtr<abi::PollFd> fds, unsigned count,
                                UserPtr<const abi::Timespec> timeout,
                                UserPtr<const abi::SignalSet> mask, std::size_t mask_size);

}  // namespace kernel::sys
