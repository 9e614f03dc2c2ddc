// FIFOs, and transfers between two files: sendfile, copy_file_range, splice and tee.
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "answers.h"

namespace {

pid_t child_of_part;

struct stat status;
char bytes[70000];

short polled(int fd, short events) {
  pollfd entry = {fd, events, 0};
  poll(&entry, 1, 0);
  return entry.revents;
}

void nodes() {
  umask(022);
  CASE(0, mknodat, AT_FDCWD, "/tmp/fifo", S_IFIFO | 0666, 0);
  VALUE(0, stat("/tmp/fifo", &status));
  VALUE(0010644, status.st_mode);
  CASE(-EEXIST, mknodat, AT_FDCWD, "/tmp/fifo", S_IFIFO | 0666, 0);
  CASE(0, mknodat, AT_FDCWD, "/tmp/file", 0640, 0);
  VALUE(0, stat("/tmp/file", &status));
  VALUE(0100640, status.st_mode);
  CASE(-EPERM, mknodat, AT_FDCWD, "/tmp/other", S_IFDIR | 0666, 0);
  CASE(-EINVAL, mknodat, AT_FDCWD, "/tmp/other", S_IFLNK | 0666, 0);
  CASE(-ENOENT, mknodat, AT_FDCWD, "/tmp/none/x", S_IFIFO | 0666, 0);
  CASE(-ENOENT, mknodat, AT_FDCWD, "/tmp/new/", S_IFIFO | 0666, 0);
  CASE(-EFAULT, mknodat, AT_FDCWD, nowhere, S_IFIFO | 0666, 0);
  CASE(-EINVAL, truncate, "/tmp/fifo", 1);
  unlink("/tmp/file");
}

void openings() {
  const int flags = O_NONBLOCK;
  CASE(-ENXIO, openat, AT_FDCWD, "/tmp/fifo", O_WRONLY | flags, 0);
  const int reader = open("/tmp/fifo", O_RDONLY | flags);
  VALUE(true, reader >= 0);
  CASE(0, read, reader, bytes, 10);
  VALUE(0, polled(reader, POLLIN));
  const int writer = open("/tmp/fifo", O_WRONLY | flags);
  CASE(-EAGAIN, read, reader, bytes, 10);
  CASE(4, write, writer, "text", 4);
  VALUE(POLLIN, polled(reader, POLLIN));
  VALUE(POLLOUT, polled(writer, POLLOUT));
  int there = 0;
  CASE(0, ioctl, reader, FIONREAD, &there);
  VALUE(4, there);
  CASE(2, read, reader, bytes, 2);
  close(writer);
  VALUE(POLLIN | POLLHUP, polled(reader, POLLIN));
  CASE(2, read, reader, bytes, 10);
  VALUE(POLLHUP, polled(reader, POLLIN));
  CASE(0, read, reader, bytes, 10);
  const int both = open("/tmp/fifo", O_RDWR);
  CASE(-EAGAIN, read, reader, bytes, 10);
  CASE(3, write, both, "abc", 3);
  CASE(3, read, reader, bytes, 10);
  CASE(-ESPIPE, lseek, both, 0, SEEK_CUR);
  CASE(-EINVAL, fsync, both);
  CASE(-EINVAL, ftruncate, both, 1);
  CASE(65536, fcntl, both, F_GETPIPE_SZ, 0);
  VALUE(0, fstat(both, &status));
  VALUE(0010644, status.st_mode);
  close(both);
  const int last = open("/tmp/fifo", O_WRONLY);
  CASE(1, write, last, "x", 1);
  close(reader);
  signal(SIGPIPE, SIG_IGN);
  CASE(-EPIPE, write, last, "x", 1);
  VALUE(POLLOUT | POLLERR, polled(last, POLLOUT));
  // A new reader finds the byte that is left.
  const int again = open("/tmp/fifo", O_RDONLY);
  CASE(2, write, last, "yz", 2);
  CASE(3, read, again, bytes, 10);
  close(last);
  close(again);
  // Nobody has it open any more, so its bytes are gone.
  const int late = open("/tmp/fifo", O_RDONLY | flags);
  CASE(0, read, late, bytes, 10);
  close(late);
  CASE(0, close, open("/tmp/fifo", O_PATH));
}

void waits() {
  if ((child_of_part = fork()) == 0) {
    pause_shortly();
    const int writer = open("/tmp/fifo", O_WRONLY);
    _exit(write(writer, "child", 5) == 5 ? 0 : 1);
  }
  const int reader = open("/tmp/fifo", O_RDONLY);
  CASE(5, read, reader, bytes, 10);
  CASE(0, read, reader, bytes, 10);
  close(reader);
  waitpid(child_of_part, nullptr, 0);
  if ((child_of_part = fork()) == 0) {
    pause_shortly();
    const int other = open("/tmp/fifo", O_RDONLY);
    _exit(read(other, bytes, 10) == 2 ? 0 : 1);
  }
  const int writer = open("/tmp/fifo", O_WRONLY);
  CASE(2, write, writer, "hi", 2);
  close(writer);
  int result = -1;
  waitpid(child_of_part, &result, 0);
  VALUE(0, result);
  // A signal ends the wait.
  VALUE(-EINTR, in_child([] {
    signal_shortly();
    return make(SYS_openat, AT_FDCWD, "/tmp/fifo", O_RDONLY, 0);
  }));
  CASE(-ENXIO, openat, AT_FDCWD, "/tmp/fifo", O_WRONLY | O_NONBLOCK, 0);
  unlink("/tmp/fifo");
}

void sendings() {
  const int file = new_file("/tmp/file", "0123456789");
  const int other = new_file("/tmp/other", "");
  const int appends = open("/tmp/other", O_WRONLY | O_APPEND);
  const int reader = open("/tmp/file", O_RDONLY);
  const int folder = open("/tmp", O_RDONLY);
  const PipeEnds pipe = new_pipe();
  CASE(4, sendfile, other, file, 0, 4);
  CASE(4, lseek, file, 0, SEEK_CUR);
  CASE(4, lseek, other, 0, SEEK_CUR);
  long offset = 2;
  CASE(8, sendfile, other, file, &offset, 100);
  VALUE(10, offset);
  CASE(4, lseek, file, 0, SEEK_CUR);
  CASE(12, pread64, other, bytes, 100, 0);
  VALUE(0, memcmp(bytes, "012323456789", 12));
  CASE(0, sendfile, other, file, &offset, 100);
  CASE(6, sendfile, pipe.writer, file, 0, 100);
  CASE(6, read, pipe.reader, bytes, 100);
  VALUE(0, memcmp(bytes, "456789", 6));
  CASE(0, sendfile, other, file, 0, 0);
  CASE(-EBADF, sendfile, reader, file, 0, 1);
  CASE(-EBADF, sendfile, other, -1, 0, 1);
  CASE(-EBADF, sendfile, -1, file, 0, 1);
  CASE(-EINVAL, sendfile, appends, file, 0, 1);
  CASE(-EINVAL, sendfile, other, pipe.reader, 0, 1);
  CASE(-ESPIPE, sendfile, other, pipe.reader, &offset, 1);
  CASE(-EINVAL, sendfile, other, folder, 0, 1);
  CASE(-EFAULT, sendfile, other, file, nowhere, 1);
  offset = -1;
  CASE(-EINVAL, sendfile, other, file, &offset, 1);

  offset = 3;
  long at = 1;
  CASE(4, copy_file_range, file, &offset, other, &at, 4, 0);
  VALUE(7, offset);
  VALUE(5, at);
  CASE(12, pread64, other, bytes, 100, 0);
  VALUE(0, memcmp(bytes, "034563456789", 12));
  lseek(file, 0, SEEK_SET);
  lseek(other, 0, SEEK_END);
  CASE(10, copy_file_range, file, 0, other, 0, 1000, 0);
  CASE(10, lseek, file, 0, SEEK_CUR);
  CASE(22, lseek, other, 0, SEEK_CUR);
  CASE(0, copy_file_range, file, 0, other, 0, 1000, 0);
  CASE(-EINVAL, copy_file_range, file, 0, other, 0, 1, 1);
  CASE(-EBADF, copy_file_range, file, 0, reader, 0, 1, 0);
  CASE(-EBADF, copy_file_range, file, 0, appends, 0, 1, 0);
  CASE(-EBADF, copy_file_range, -1, 0, other, 0, 1, 0);
  CASE(-EISDIR, copy_file_range, folder, 0, other, 0, 1, 0);
  CASE(-EINVAL, copy_file_range, file, 0, pipe.writer, 0, 1, 0);
  offset = 0;
  at = 5;
  CASE(-EINVAL, copy_file_range, file, &offset, file, &at, 6, 0);
  CASE(5, copy_file_range, file, &offset, file, &at, 5, 0);
  // More than one step.
  memset(bytes, 'z', sizeof bytes);
  CASE(sizeof bytes, pwrite64, file, bytes, sizeof bytes, 0);
  offset = 0;
  at = 0;
  CASE(sizeof bytes, copy_file_range, file, &offset, other, &at, sizeof bytes, 0);
  unlink("/tmp/file");
  unlink("/tmp/other");
  for (int fd : {file, other, appends, reader, folder, pipe.reader, pipe.writer}) close(fd);
}

void splices() {
  const int file = new_file("/tmp/file", "0123456789");
  const int other = new_file("/tmp/other", "");
  const int appends = open("/tmp/other", O_WRONLY | O_APPEND);
  const PipeEnds one = new_pipe(), two = new_pipe();
  CASE(4, splice, file, 0, one.writer, 0, 4, 0);
  CASE(4, lseek, file, 0, SEEK_CUR);
  long offset = 8;
  CASE(2, splice, file, &offset, one.writer, 0, 4, 0);
  VALUE(10, offset);
  CASE(0, splice, file, &offset, one.writer, 0, 4, 0);
  CASE(3, tee, one.reader, two.writer, 3, 0);
  CASE(3, read, two.reader, bytes, 100);
  VALUE(0, memcmp(bytes, "012", 3));
  CASE(6, tee, one.reader, two.writer, 100, 0);
  CASE(6, splice, one.reader, 0, two.writer, 0, 100, 0);
  CASE(12, read, two.reader, bytes, 100);
  VALUE(0, memcmp(bytes, "012389012389", 12));
  CASE(-EAGAIN, splice, one.reader, 0, two.writer, 0, 100, 0);
  CASE(-EAGAIN, tee, one.reader, two.writer, 100, 0);
  CASE(3, write, one.writer, "abc", 3);
  CASE(2, splice, one.reader, 0, other, 0, 2, 0);
  CASE(2, lseek, other, 0, SEEK_CUR);
  offset = 7;
  CASE(1, splice, one.reader, 0, other, &offset, 5, 0);
  VALUE(8, offset);
  CASE(8, pread64, other, bytes, 100, 0);
  VALUE(0, memcmp(bytes, "ab\0\0\0\0\0c", 8));
  CASE(0, splice, one.reader, 0, other, 0, 0, 0);
  CASE(-EINVAL, splice, one.reader, 0, other, 0, 1, 16);
  CASE(-EINVAL, tee, one.reader, two.writer, 1, 16);
  CASE(-EINVAL, splice, one.reader, 0, one.writer, 0, 1, 0);
  CASE(-EINVAL, tee, one.reader, one.writer, 1, 0);
  CASE(-EINVAL, tee, file, one.writer, 1, 0);
  CASE(-EINVAL, splice, file, 0, other, 0, 1, 0);
  CASE(-EINVAL, splice, one.reader, 0, appends, 0, 1, 0);
  CASE(-ESPIPE, splice, one.reader, &offset, other, 0, 1, 0);
  CASE(-ESPIPE, splice, file, 0, one.writer, &offset, 1, 0);
  CASE(-EBADF, splice, -1, 0, other, 0, 1, 0);
  CASE(-EBADF, splice, one.writer, 0, other, 0, 1, 0);
  CASE(-EBADF, splice, file, 0, one.reader, 0, 1, 0);
  CASE(-EFAULT, splice, file, nowhere, one.writer, 0, 1, 0);
  close(one.writer);
  CASE(0, splice, one.reader, 0, other, 0, 1, 0);
  CASE(0, tee, one.reader, two.writer, 1, 0);
  close(two.reader);
  lseek(file, 0, SEEK_SET);
  CASE(-EPIPE, splice, file, 0, two.writer, 0, 1, 0);
  unlink("/tmp/file");
  unlink("/tmp/other");
  for (int fd : {file, other, appends, one.reader, two.writer}) close(fd);
}

}  // namespace

void fifos() {
  nodes();
  openings();
  waits();
  sendings();
  splices();
}
