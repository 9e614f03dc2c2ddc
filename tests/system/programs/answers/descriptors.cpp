// Calls that take a descriptor: closed ones, and those opened with O_PATH, which stand for a place
// in the tree and allow neither reads nor changes (open(2)).
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "answers.h"

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY (1024 + 3)
#endif

namespace {

constexpr int large = 0100000;  // the kernel's O_LARGEFILE; the C library defines it as 0
char bytes[64];
struct stat status;
const iovec list[] = {{bytes, 1}, {bytes, 1}};

void no_descriptor(int fd) {
  CASE(-EBADF, read, fd, bytes, 1);
  CASE(-EBADF, read, fd, bytes, 0);
  CASE(-EBADF, read, fd, beyond, 1);
  CASE(-EBADF, write, fd, bytes, 1);
  CASE(-EBADF, write, fd, bytes, 0);
  CASE(-EBADF, readv, fd, list, 2);
  CASE(-EBADF, readv, fd, list, -1);
  CASE(-EBADF, readv, fd, nowhere, 1);
  CASE(-EBADF, writev, fd, list, 2);
  CASE(-EBADF, writev, fd, list, 2000);
  CASE(-EBADF, pread64, fd, bytes, 1, 0);
  CASE(-EINVAL, pread64, fd, bytes, 1, -1);
  CASE(-EBADF, pread64, fd, bytes, 0, 0);
  CASE(-EBADF, pwrite64, fd, bytes, 1, 0);
  CASE(-EINVAL, pwrite64, fd, bytes, 1, -1);
  CASE(-EBADF, lseek, fd, 0, SEEK_SET);
  CASE(-EBADF, lseek, fd, 0, 99);
  CASE(-EBADF, getdents64, fd, bytes, 64);
  CASE(-EBADF, ftruncate, fd, 0);
  CASE(-EINVAL, ftruncate, fd, -1);
  CASE(-EBADF, fsync, fd);
  CASE(-EBADF, fdatasync, fd);
  CASE(-EBADF, close, fd);
  CASE(-EBADF, dup, fd);
  CASE(-EBADF, dup3, fd, 100, 0);
  CASE(-EINVAL, dup3, fd, fd, 0);
  CASE(-EINVAL, dup3, fd, 100, 1);
  CASE(-EBADF, fcntl, fd, F_GETFD);
  CASE(-EBADF, fcntl, fd, F_DUPFD, -1);
  CASE(-EBADF, fcntl, fd, 9999);
  CASE(-EBADF, ioctl, fd, FIONREAD, nowhere);
  CASE(-EBADF, ioctl, fd, FIOCLEX);
  CASE(-EBADF, ioctl, fd, 0);
  CASE(-EBADF, fchdir, fd);
  CASE(-EBADF, fstat, fd, &status);
  CASE(-EBADF, fstat, fd, nowhere);
  CASE(-EBADF, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, fd, 0);
  CASE(-EBADF, mmap, 0, page_size, PROT_READ, 0, fd, 0);
}

// Calls with the descriptor of any kind of node.
void any_place(int path) {
  CASE(-EBADF, read, path, bytes, 1);
  CASE(-EBADF, read, path, bytes, 0);
  CASE(-EBADF, write, path, bytes, 1);
  CASE(-EBADF, write, path, bytes, 0);
  CASE(-EBADF, readv, path, list, 2);
  CASE(-EBADF, writev, path, list, 2);
  CASE(-EBADF, pread64, path, bytes, 1, 0);
  CASE(-EINVAL, pread64, path, bytes, 1, -1);
  CASE(-EBADF, pwrite64, path, bytes, 1, 0);
  CASE(-EBADF, lseek, path, 0, SEEK_SET);
  CASE(-EBADF, lseek, path, 0, SEEK_CUR);
  CASE(-EBADF, lseek, path, 0, 99);
  CASE(-EBADF, getdents64, path, bytes, 64);
  CASE(-EBADF, ftruncate, path, 0);
  CASE(-EINVAL, ftruncate, path, -1);
  CASE(-EBADF, fsync, path);
  CASE(-EBADF, fdatasync, path);
  CASE(-EBADF, ioctl, path, FIONREAD, bytes);
  CASE(-EBADF, ioctl, path, FIOCLEX);
  CASE(-EBADF, ioctl, path, FIONBIO, nowhere);
  CASE(-EBADF, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, path, 0);
  CASE(-EBADF, mmap, 0, page_size, PROT_READ, MAP_SHARED, path, 0);
  CASE(0, fstat, path, &status);
  CASE(-EFAULT, fstat, path, nowhere);
  CASE(0, newfstatat, path, "", &status, AT_EMPTY_PATH);
  CASE(0, fcntl, path, F_GETFD);
  CASE(0, fcntl, path, F_SETFD, FD_CLOEXEC);
  CASE(FD_CLOEXEC, fcntl, path, F_GETFD);
  CASE(0, fcntl, path, F_SETFD, 0);
  CASE(-EBADF, fcntl, path, F_SETFL, O_APPEND);
  CASE(-EBADF, fcntl, path, F_SETFL, 0);
  CASE(-EBADF, fcntl, path, F_GETPIPE_SZ);
  CASE(-EBADF, fcntl, path, 9999);
  CASE(-EINVAL, fcntl, path, F_DUPFD, -1);
  CASE(130, fcntl, path, F_DUPFD, 130);
  CASE(0, close, 130);
  CASE(140, fcntl, path, F_DUPFD_CLOEXEC, 140);
  CASE(FD_CLOEXEC, fcntl, 140, F_GETFD);
  CASE(0, close, 140);
  CASE(150, dup3, path, 150, 0);
  CASE(-EBADF, read, 150, bytes, 1);
  CASE(0, close, 150);
  pollfd entry{path, POLLIN | POLLOUT, 0};
  const timespec no_time{0, 0};
  CASE(1, ppoll, &entry, 1, &no_time, 0, 8);
  VALUE(POLLNVAL, entry.revents);
  entry.events = 0;
  CASE(1, ppoll, &entry, 1, 0, 0, 8);
  VALUE(POLLNVAL, entry.revents);
}

void places() {
  const int file = open("/tmp/place", O_RDWR | O_CREAT, 0644);
  symlink("/tmp/place", "/tmp/link");
  mkdir("/tmp/folder", 0755);

  int path = open("/tmp/place", O_PATH);
  any_place(path);
  CASE(O_PATH, fcntl, path, F_GETFL);
  CASE(-ENOTDIR, fchdir, path);
  CASE(-ENOTDIR, openat, path, "x", O_RDONLY);
  close(path);
  path = open("/tmp/place", O_PATH | O_RDWR | O_APPEND | O_NONBLOCK | O_TRUNC);
  any_place(path);
  CASE(O_PATH, fcntl, path, F_GETFL);
  close(path);

  path = open("/tmp/folder", O_PATH);
  any_place(path);
  CASE(0, fchdir, path);
  CASE(0, mkdirat, path, "inside", 0755);
  CASE(0, unlinkat, path, "inside", AT_REMOVEDIR);
  CASE(0, chdir, "/");
  close(path);
  path = open("/tmp/folder", O_PATH | O_DIRECTORY);
  CASE(O_PATH | O_DIRECTORY, fcntl, path, F_GETFL);
  close(path);

  path = open("/tmp/link", O_PATH | O_NOFOLLOW);
  any_place(path);
  CASE(O_PATH | O_NOFOLLOW, fcntl, path, F_GETFL);
  CASE(-ENOTDIR, fchdir, path);
  close(path);

  path = open("/dev/null", O_PATH);
  any_place(path);
  close(path);
  path = open("/proc/self/exe", O_PATH);
  any_place(path);
  close(path);

  path = open("/tmp/folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  VALUE(O_DIRECTORY | O_NONBLOCK | O_NOFOLLOW, fcntl(path, F_GETFL) & ~large);
  close(path);
  path = open("/tmp/place", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOCTTY, 0644);
  VALUE(O_WRONLY | O_APPEND, fcntl(path, F_GETFL) & ~large);
  close(path);

  CASE(-ENOTDIR, openat, AT_FDCWD, "/tmp/place", O_PATH | O_DIRECTORY);
  CASE(-ENOENT, openat, AT_FDCWD, "/tmp/nothing", O_PATH | O_CREAT, 0644);
  close(file);
  unlink("/tmp/place");
  unlink("/tmp/link");
  rmdir("/tmp/folder");
}

void numbers() {
  const int fd = new_file("/tmp/numbers", "text");
  CASE(-EINVAL, dup3, fd, fd, 0);
  CASE(-EINVAL, dup3, fd, fd, O_CLOEXEC);
  CASE(-EINVAL, dup3, fd, 100, O_NONBLOCK);
  CASE(-EBADF, dup3, fd, -1, 0);
  CASE(-EBADF, dup3, fd, 1 << 30, 0);
  CASE(-EBADF, dup3, -1, 1 << 30, 0);
  CASE(-EINVAL, fcntl, fd, F_DUPFD, 1 << 30);
  CASE(-EINVAL, fcntl, fd, F_DUPFD, -1);
  CASE(-EINVAL, fcntl, fd, F_DUPFD, 1024);
  CASE(1023, fcntl, fd, F_DUPFD, 1023);
  CASE(-EMFILE, fcntl, fd, F_DUPFD, 1023);
  CASE(-EMFILE, fcntl, fd, F_DUPFD_CLOEXEC, 1023);
  CASE(-EBADF, dup3, fd, 1024, 0);
  CASE(1023, dup3, fd, 1023, 0);
  CASE(0, close, 1023);
  CASE(-EBADF, close, 1023);
  CASE(-EINVAL, fcntl, fd, 9999);
  CASE(-EBADF, fcntl, fd, F_GETPIPE_SZ);
  CASE(0, fcntl, fd, F_SETFD, -1);
  CASE(FD_CLOEXEC, fcntl, fd, F_GETFD);
  CASE(0, fcntl, fd, F_SETFD, 2);
  CASE(0, fcntl, fd, F_GETFD);
  CASE(0, fcntl, fd, F_SETFL, O_APPEND | O_RDONLY);
  VALUE(O_APPEND | O_RDWR, fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE));
  CASE(0, fcntl, fd, F_SETFL, 0);
  CASE(0, ioctl, fd, FIOCLEX, nowhere);
  CASE(FD_CLOEXEC, fcntl, fd, F_GETFD);
  CASE(0, ioctl, fd, FIONCLEX, nowhere);
  CASE(-EFAULT, ioctl, fd, FIONBIO, nowhere);
  CASE(-ENOTTY, ioctl, fd, 0x5401, bytes);
  CASE(-ENOTTY, ioctl, fd, 0, 0);
  DIFFERS(0, -ENOTTY, ioctl, fd, FIONREAD, bytes);
  CASE(-EINVAL, close_range, 5, 4, 0);
  CASE(-EINVAL, close_range, 5, 4, 1 << 10);
  CASE(-EINVAL, close_range, 500, 600, 1 << 10);
  CASE(0, close_range, 500, 600, 0);
  CASE(0, close_range, 500, -1, 0);
  CASE(0, close_range, -2, -1, 0);
  CASE(0, close_range, 2000, 3000, 4);
  close(fd);
  unlink("/tmp/numbers");
}

void pipes() {
  int ends[2] = {7, 7};
  CASE(-EINVAL, pipe2, ends, 1);
  CASE(-EINVAL, pipe2, nowhere, O_APPEND);
  CASE(-EFAULT, pipe2, nowhere, 0);
  CASE(-EFAULT, pipe2, nowhere, O_CLOEXEC | O_NONBLOCK);
  CASE(-EFAULT, pipe2, 0, 0);
  CASE(-EFAULT, pipe2, beyond, 0);
  VALUE(7, ends[0]);
  const auto [reader, writer] = new_pipe();
  CASE(65536, fcntl, reader, F_GETPIPE_SZ);
  CASE(65536, fcntl, writer, F_GETPIPE_SZ);
  VALUE(O_NONBLOCK | O_RDONLY, fcntl(reader, F_GETFL));
  VALUE(O_NONBLOCK | O_WRONLY, fcntl(writer, F_GETFL));
  CASE(-EFAULT, ioctl, reader, FIONREAD, nowhere);
  CASE(0, ioctl, writer, FIONREAD, bytes);
  CASE(-ENOTTY, ioctl, reader, 0x5401, bytes);
  CASE(-ENOTDIR, fchdir, reader);
  CASE(-ENODEV, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, reader, 0);
  CASE(-EACCES, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, writer, 0);
  CASE(-ENOTDIR, getdents64, reader, bytes, 64);
  CASE(-ENOTDIR, getdents64, writer, bytes, 64);
  CASE(-EINVAL, ftruncate, reader, 0);
  CASE(-EINVAL, ftruncate, writer, 0);
  CASE(-EINVAL, fsync, reader);
  CASE(-EINVAL, fdatasync, writer);
  close(reader);
  close(writer);
}

}  // namespace

void descriptors() {
  no_descriptor(-1);
  no_descriptor(99);
  no_descriptor(5000);
  no_descriptor(INT_MIN);
  places();
  numbers();
  pipes();
}
