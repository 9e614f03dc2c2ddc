// Locks of files: flock, record locks of processes, and record locks of open files.
#include <sys/file.h>
#include <sys/wait.h>

#include "answers.h"

namespace {

pid_t child_of_part;

int file, second, reader, writer;

struct flock request(short type, long start, long length, short whence = SEEK_SET) {
  struct flock wanted = {};
  wanted.l_type = type;
  wanted.l_whence = whence;
  wanted.l_start = start;
  wanted.l_len = length;
  return wanted;
}
long lock(int fd, int command, short type, long start, long length, short whence = SEEK_SET) {
  struct flock wanted = request(type, start, length, whence);
  return make(SYS_fcntl, fd, command, &wanted);
}
struct flock found;
// The type of the lock that forbids an exclusive lock of these bytes.
long holder(int fd, long start, long length, int command = F_GETLK) {
  found = request(F_WRLCK, start, length);
  const long answer = make(SYS_fcntl, fd, command, &found);
  return answer < 0 ? answer : found.l_type;
}
void whole_files() {
  CASE(0, flock, file, LOCK_SH);
  CASE(0, flock, second, LOCK_SH);
  CASE(-EAGAIN, flock, second, LOCK_EX | LOCK_NB);
  CASE(0, flock, file, LOCK_UN);
  CASE(0, flock, second, LOCK_EX | LOCK_NB);
  CASE(0, flock, second, LOCK_EX);
  CASE(-EAGAIN, flock, file, LOCK_SH | LOCK_NB);
  VALUE(0, in_child([] { return make(SYS_flock, second, LOCK_SH); }));
  CASE(0, flock, file, LOCK_SH | LOCK_NB);
  CASE(0, flock, file, LOCK_UN);
  CASE(0, flock, second, LOCK_EX);
  const int copy = dup(second);
  close(second);
  CASE(-EAGAIN, flock, file, LOCK_EX | LOCK_NB);
  close(copy);
  CASE(0, flock, file, LOCK_EX | LOCK_NB);
  second = open("/tmp/file", O_RDWR);
  if ((child_of_part = fork()) == 0) {
    pause_shortly();
    flock(file, LOCK_UN);
    _exit(0);
  }
  CASE(0, flock, second, LOCK_EX);
  waitpid(child_of_part, nullptr, 0);
  CASE(-EAGAIN, flock, file, LOCK_EX | LOCK_NB);
  VALUE(-EINTR, in_child([] {
    signal_shortly();
    return make(SYS_flock, file, LOCK_EX);
  }));
  CASE(0, flock, second, LOCK_UN);
  CASE(0, flock, reader, LOCK_EX);
  CASE(0, flock, reader, LOCK_UN);
  CASE(-EINVAL, flock, file, 0);
  CASE(-EINVAL, flock, file, LOCK_NB);
  CASE(-EINVAL, flock, file, LOCK_SH | LOCK_EX);
  CASE(-EBADF, flock, -1, LOCK_SH);
  const int path = open("/tmp/file", O_PATH);
  CASE(-EBADF, flock, path, LOCK_SH);
  close(path);
}

void record_locks() {
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 10, 10));
  VALUE(F_UNLCK, holder(file, 0, 0));
  VALUE(F_WRLCK, in_child([] { return holder(file, 0, 0); }));
  VALUE(10, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_start : -1; }));
  VALUE(true, in_child([] {
          return holder(file, 0, 0) == F_WRLCK && found.l_pid == getppid() && found.l_len == 10;
        }));
  VALUE(-EAGAIN, in_child([] { return lock(file, F_SETLK, F_RDLCK, 19, 1); }));
  VALUE(0, in_child([] { return lock(file, F_SETLK, F_RDLCK, 20, 1); }));
  VALUE(0, in_child([] { return lock(file, F_SETLK, F_RDLCK, 9, 1); }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 14, 2));
  VALUE(0, in_child([] { return lock(file, F_SETLK, F_WRLCK, 14, 2); }));
  VALUE(-EAGAIN, in_child([] { return lock(file, F_SETLK, F_WRLCK, 14, 3); }));
  VALUE(0, lock(file, F_SETLK, F_RDLCK, 14, 2));
  VALUE(0, in_child([] { return lock(file, F_SETLK, F_RDLCK, 14, 2); }));
  VALUE(-EAGAIN, in_child([] { return lock(file, F_SETLK, F_WRLCK, 14, 1); }));
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 14, 2));
  VALUE(10, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_len : -1; }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 0));
  VALUE(F_UNLCK, in_child([] { return holder(file, 0, 0); }));
  // From the position and from the end, backwards, and to the end.
  lseek(file, 5, SEEK_SET);
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 1, 2, SEEK_CUR));
  VALUE(6, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_start : -1; }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 0));
  VALUE(0, lock(file, F_SETLK, F_WRLCK, -1, 1, SEEK_END));
  VALUE(9, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_start : -1; }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 0));
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 8, -3));
  VALUE(5, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_start : -1; }));
  VALUE(3, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_len : -1; }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 0));
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 100, 0));
  VALUE(0, in_child([] { return holder(file, 0, 0) == F_WRLCK ? found.l_len : -1; }));
  VALUE(-EAGAIN, in_child([] { return lock(file, F_SETLK, F_WRLCK, 1l << 40, 1); }));
  // Closing any descriptor of the file ends the locks.
  close(open("/tmp/file", O_RDONLY));
  VALUE(F_UNLCK, in_child([] { return holder(file, 0, 0); }));
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 0, 0));
  dup2(reader, second);
  VALUE(F_UNLCK, in_child([] { return holder(file, 0, 0); }));
  second = (close(second), open("/tmp/file", O_RDWR));
  // A child's locks end with it.
  VALUE(0, in_child([] { return lock(file, F_SETLK, F_WRLCK, 0, 0); }));
  VALUE(F_UNLCK, holder(file, 0, 0));

  VALUE(-EBADF, lock(reader, F_SETLK, F_WRLCK, 0, 1));
  VALUE(-EBADF, lock(writer, F_SETLK, F_RDLCK, 0, 1));
  VALUE(0, lock(reader, F_SETLK, F_RDLCK, 0, 1));
  VALUE(0, lock(reader, F_SETLK, F_UNLCK, 0, 1));
  VALUE(-EINVAL, lock(file, F_SETLK, 3, 0, 1));
  VALUE(-EINVAL, lock(file, F_SETLK, F_WRLCK, -1, 1));
  VALUE(-EINVAL, lock(file, F_SETLK, F_WRLCK, 0, -1));
  VALUE(-EINVAL, lock(file, F_SETLK, F_WRLCK, 0, 1, 3));
  VALUE(-EINVAL, lock(file, F_GETLK, F_UNLCK, 0, 1));
  VALUE(-EOVERFLOW, lock(file, F_SETLK, F_WRLCK, 10, (long)(~0ul >> 1)));
  VALUE(-EBADF, lock(-1, F_SETLK, F_WRLCK, 0, 1));
  CASE(-EFAULT, fcntl, file, F_SETLK, nowhere);
  CASE(-EFAULT, fcntl, file, F_GETLK, nowhere);
}

// What F_OFD_GETLK finds among the file's own locks.
long own(int fd, long start, long length) {
  found = request(F_UNLCK, start, length);
  const long answer = make(SYS_fcntl, fd, F_OFD_GETLK, &found);
  return answer < 0 ? answer : found.l_type;
}

void own_locks() {
  VALUE(F_UNLCK, own(file, 0, 0));
  VALUE(0, lock(file, F_OFD_SETLK, F_WRLCK, 10, 10));
  VALUE(0, lock(file, F_OFD_SETLK, F_RDLCK, 30, 10));
  VALUE(F_UNLCK, own(file, 0, 10));
  VALUE(F_WRLCK, own(file, 0, 11));
  VALUE(10, found.l_start);
  VALUE(10, found.l_len);
  VALUE(-1, found.l_pid);
  VALUE(F_RDLCK, own(file, 25, 10));
  VALUE(F_UNLCK, own(second, 0, 0));
  VALUE(0, lock(file, F_OFD_SETLK, F_UNLCK, 0, 0));
  VALUE(F_UNLCK, own(file, 0, 0));
  VALUE(-EINVAL, lock(file, F_GETLK, F_UNLCK, 0, 1));
}

void waits_for_records() {
  int start[2];
  if (pipe(start) != 0) _exit(2);
  // The child holds byte 1, and then wants byte 0.
  VALUE(0, lock(file, F_SETLK, F_WRLCK, 0, 1));
  const pid_t child = fork();
  if (child == 0) {
    lock(file, F_SETLK, F_WRLCK, 1, 1);
    write(start[1], "x", 1);
    const long answer = lock(file, F_SETLKW, F_WRLCK, 0, 1);
    pause_shortly();
    _exit(answer == 0 ? 0 : 1);
  }
  char byte;
  read(start[0], &byte, 1);
  pause_shortly();
  VALUE(-EDEADLK, lock(file, F_SETLKW, F_WRLCK, 1, 1));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 1));
  pause_shortly();
  VALUE(0, lock(file, F_SETLKW, F_WRLCK, 0, 2));
  int status = -1;
  waitpid(child, &status, 0);
  VALUE(0, status);
  VALUE(0, lock(file, F_SETLKW, F_WRLCK, 0, 0));
  VALUE(-EINTR, in_child([] {
    signal_shortly();
    return lock(file, F_SETLKW, F_WRLCK, 0, 1);
  }));
  VALUE(0, lock(file, F_SETLK, F_UNLCK, 0, 0));
  close(start[0]);
  close(start[1]);
}

void locks_of_open_files() {
  VALUE(0, lock(file, F_OFD_SETLK, F_WRLCK, 0, 10));
  VALUE(-EAGAIN, lock(second, F_OFD_SETLK, F_WRLCK, 5, 1));
  VALUE(-EAGAIN, lock(second, F_SETLK, F_WRLCK, 5, 1));
  VALUE(0, lock(second, F_OFD_SETLK, F_WRLCK, 10, 1));
  VALUE(F_WRLCK, holder(second, 0, 1, F_OFD_GETLK));
  VALUE(-1, found.l_pid);
  VALUE(F_WRLCK, holder(second, 0, 1));
  VALUE(-1, found.l_pid);
  // A child shares them.
  VALUE(0, in_child([] { return lock(file, F_OFD_SETLK, F_WRLCK, 0, 5); }));
  close(open("/tmp/file", O_RDONLY));
  VALUE(-EAGAIN, lock(second, F_OFD_SETLK, F_RDLCK, 5, 1));
  if ((child_of_part = fork()) == 0) {
    pause_shortly();
    lock(file, F_OFD_SETLK, F_UNLCK, 0, 0);
    _exit(0);
  }
  VALUE(0, lock(second, F_OFD_SETLKW, F_WRLCK, 0, 1));
  waitpid(child_of_part, nullptr, 0);
  struct flock wanted = request(F_WRLCK, 0, 1);
  wanted.l_pid = 1;
  CASE(-EINVAL, fcntl, second, F_OFD_SETLK, &wanted);
  CASE(-EINVAL, fcntl, second, F_OFD_GETLK, &wanted);
  close(second);
  VALUE(F_UNLCK, holder(file, 0, 0, F_OFD_GETLK));
}

}  // namespace

void file_locks() {
  file = new_file("/tmp/file", "0123456789");
  second = open("/tmp/file", O_RDWR);
  reader = open("/tmp/file", O_RDONLY);
  writer = open("/tmp/file", O_WRONLY);
  whole_files();
  record_locks();
  own_locks();
  waits_for_records();
  locks_of_open_files();
  unlink("/tmp/file");
}
