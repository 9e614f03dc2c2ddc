// Mappings of files that programs can write, and the calls about pages: mremap, mlock, mincore,
// msync, memfd_create and its seals.
#include <signal.h>
#include <sys/stat.h>

#include "answers.h"

namespace {

constexpr int both = PROT_READ | PROT_WRITE;

char* map(int fd, long pages, int rights = both, int flags = MAP_SHARED, long offset = 0) {
  char* const start = (char*)mmap(nullptr, pages * page_size, rights, flags, fd, offset);
  if (start == MAP_FAILED) _exit(3);
  return start;
}
char* anonymous(long pages, int flags = MAP_PRIVATE) {
  return map(-1, pages, both, flags | MAP_ANONYMOUS);
}
void unmap(char* start, long pages) {
  munmap(start, pages * page_size);
}

// The signal that ends a child that reads the byte, or 0.
int signal_of(volatile char* at) {
  const pid_t child = fork();
  if (child == 0) {
    (void)*at;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

char read_at(int fd, long offset) {
  char byte = '?';
  return pread(fd, &byte, 1, offset) == 1 ? byte : '?';
}

void shared_files() {
  const int file = new_file("/tmp/file", "0123456789");
  const int reader = open("/tmp/file", O_RDONLY);
  const int writer = open("/tmp/file", O_WRONLY);
  char* const one = map(file, 2);
  char* const two = map(reader, 1, PROT_READ);
  VALUE('3', one[3]);
  VALUE(0, one[100]);
  one[3] = 'x';
  VALUE('x', two[3]);
  VALUE('x', read_at(file, 3));
  CASE(1, pwrite64, file, "y", 1, 4);
  VALUE('y', one[4]);
  VALUE(10, lseek(file, 0, SEEK_END));
  VALUE(SIGBUS, signal_of(one + page_size));
  CASE(0, ftruncate, file, 2 * page_size);
  VALUE(0, one[page_size]);
  one[page_size] = 'z';
  VALUE('z', read_at(file, page_size));
  CASE(0, ftruncate, file, 5);
  VALUE(SIGBUS, signal_of(one + page_size));
  VALUE(0, one[9]);
  CASE(0, ftruncate, file, 2 * page_size);
  VALUE(0, one[page_size]);
  VALUE('y', two[4]);
  VALUE(0, in_child([=] {
          one[5] = 'c';
          return 0;
        }));
  VALUE('c', one[5]);
  VALUE('c', read_at(file, 5));
  CASE(-EACCES, mprotect, two, page_size, both);
  CASE(-EACCES, mmap, 0, page_size, both, MAP_SHARED, reader, 0);
  CASE(-EACCES, mmap, 0, page_size, PROT_READ, MAP_SHARED, writer, 0);
  CASE(-EACCES, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, writer, 0);
  close(file);
  unlink("/tmp/file");
  one[6] = 'd';
  VALUE('d', two[6]);
  unmap(one, 2);
  unmap(two, 1);
  close(reader);
  close(writer);
}

void private_files() {
  const int file = new_file("/tmp/file", "0123456789");
  char* const one = map(file, 2, both, MAP_PRIVATE);
  VALUE('3', one[3]);
  CASE(1, pwrite64, file, "a", 1, 3);
  VALUE('a', one[3]);
  one[4] = 'x';
  VALUE('4', read_at(file, 4));
  CASE(1, pwrite64, file, "b", 1, 3);
  VALUE('a', one[3]);
  VALUE('a', in_child([=] {
          one[4] = 'c';
          return one[3];
        }));
  VALUE('x', one[4]);
  VALUE(SIGBUS, signal_of(one + page_size));
  CASE(0, madvise, one, page_size, MADV_DONTNEED);
  VALUE('b', one[3]);
  one[4] = 'x';
  CASE(0, ftruncate, file, 0);
  VALUE(SIGBUS, signal_of(one));
  unmap(one, 2);
  const int reader = open("/tmp/file", O_RDONLY);
  CASE(10, pwrite64, file, "0123456789", 10, 0);
  char* const two = map(reader, 1, both, MAP_PRIVATE);
  two[0] = 'y';
  VALUE('0', read_at(file, 0));
  VALUE('1', two[1]);
  CASE(0, mprotect, two, page_size, PROT_READ);
  CASE(0, mprotect, two, page_size, both);
  CASE(0, fallocate, file, 3, 0, page_size);
  VALUE('y', two[0]);
  unmap(two, 1);
  unlink("/tmp/file");
  close(reader);
  close(file);
}

void memory_files() {
  const int file = (int)make(SYS_memfd_create, "name", 3u);
  VALUE(true, file >= 0);
  VALUE(FD_CLOEXEC, fcntl(file, F_GETFD));
  struct stat status;
  fstat(file, &status);
  VALUE(0100777, status.st_mode);
  VALUE(0, status.st_nlink);
  CASE(0, fcntl, file, F_GET_SEALS, 0);
  CASE(0, ftruncate, file, 2 * page_size);
  char* const one = map(file, 2);
  one[0] = 'x';
  CASE(-EBUSY, fcntl, file, F_ADD_SEALS, F_SEAL_WRITE);
  CASE(0, fcntl, file, F_ADD_SEALS, F_SEAL_SHRINK);
  CASE(-EPERM, ftruncate, file, page_size);
  CASE(0, ftruncate, file, 3 * page_size);
  CASE(0, fcntl, file, F_ADD_SEALS, F_SEAL_GROW);
  CASE(-EPERM, ftruncate, file, 4 * page_size);
  CASE(-EPERM, pwrite64, file, "x", 1, 3 * page_size);
  CASE(1, pwrite64, file, "x", 1, page_size);
  CASE(-EPERM, fallocate, file, 0, 0, 4 * page_size);
  unmap(one, 2);
  CASE(0, fcntl, file, F_ADD_SEALS, F_SEAL_WRITE);
  CASE(-EPERM, pwrite64, file, "x", 1, 0);
  CASE(-EPERM, fallocate, file, 3, 0, page_size);
  CASE(-EPERM, mmap, 0, page_size, both, MAP_SHARED, file, 0);
  CASE(14, fcntl, file, F_GET_SEALS, 0);
  char* const two = map(file, 1, PROT_READ, MAP_SHARED);
  VALUE('x', two[0]);
  CASE(-EACCES, mprotect, two, page_size, both);
  unmap(two, 1);
  CASE(-EINVAL, fcntl, file, F_ADD_SEALS, 0x100);
  CASE(0, fcntl, file, F_ADD_SEALS, F_SEAL_SEAL);
  CASE(-EPERM, fcntl, file, F_ADD_SEALS, F_SEAL_GROW);
  close(file);
  const int other = (int)make(SYS_memfd_create, "", 0u);
  CASE(F_SEAL_SEAL, fcntl, other, F_GET_SEALS, 0);
  CASE(-EPERM, fcntl, other, F_ADD_SEALS, F_SEAL_WRITE);
  close(other);
  const PipeEnds pipe = new_pipe();
  CASE(-EINVAL, fcntl, pipe.writer, F_GET_SEALS, 0);
  CASE(-EINVAL, fcntl, pipe.writer, F_ADD_SEALS, F_SEAL_WRITE);
  CASE(-EPERM, fcntl, pipe.reader, F_ADD_SEALS, F_SEAL_WRITE);
  close(pipe.reader);
  close(pipe.writer);
  char name[300];
  memset(name, 'n', sizeof name);
  name[249] = 0;
  VALUE(0, close((int)make(SYS_memfd_create, name, 0u)));
  name[249] = 'n';
  name[250] = 0;
  CASE(-EINVAL, memfd_create, name, 0);
  CASE(-EINVAL, memfd_create, "name", 0x100);
  CASE(-EFAULT, memfd_create, nowhere, 0);
}

void remapping() {
  enum { may_move = 1, fixed = 2, dont_unmap = 4 };
  char* const one = anonymous(8);
  for (int page = 0; page < 8; ++page) one[page * page_size] = (char)('a' + page);
  CASE((long)one, mremap, one, 8 * page_size, 8 * page_size, 0);
  CASE((long)one, mremap, one, 8 * page_size, 4 * page_size, 0);
  VALUE(SIGSEGV, signal_of(one + 4 * page_size));
  CASE((long)one, mremap, one, 4 * page_size, 6 * page_size, 0);
  VALUE('d', one[3 * page_size]);
  VALUE(0, one[4 * page_size]);
  char* const wall = (char*)mmap(one + 6 * page_size, page_size, both,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  wall[0] = 'w';
  mprotect(wall, page_size, PROT_READ);
  CASE(-ENOMEM, mremap, one, 6 * page_size, 7 * page_size, 0);
  char* const two = (char*)make(SYS_mremap, one, 6 * page_size, 9 * page_size, may_move);
  VALUE(true, two != one && (unsigned long)two < -4096ul);
  VALUE('a', two[0]);
  VALUE('d', two[3 * page_size]);
  VALUE(0, two[8 * page_size]);
  VALUE(SIGSEGV, signal_of(one));
  VALUE('w', wall[0]);
  char* const place = anonymous(12);
  place[page_size] = 'p';
  CASE((long)place, mremap, two, 4 * page_size, 2 * page_size, may_move | fixed, place);
  VALUE('a', place[0]);
  VALUE('b', place[page_size]);
  VALUE(0, place[2 * page_size]);
  VALUE(SIGSEGV, signal_of(two));
  VALUE(0, two[4 * page_size]);
  CASE((long)(place + 5 * page_size), mremap, place, page_size, page_size,
       may_move | fixed | dont_unmap, place + 5 * page_size);
  VALUE('a', place[5 * page_size]);
  VALUE(0, place[0]);
  CASE(-EINVAL, mremap, place + 1, page_size, page_size, 0);
  CASE(-EINVAL, mremap, place, page_size, 0, 0);
  CASE(-EINVAL, mremap, place, page_size, page_size, 8);
  CASE(-EINVAL, mremap, place, page_size, page_size, fixed, two);
  CASE(-EINVAL, mremap, place, page_size, page_size, dont_unmap);
  CASE(-EINVAL, mremap, place, page_size, 2 * page_size, may_move | dont_unmap);
  CASE(-EINVAL, mremap, place, 2 * page_size, page_size, may_move | fixed, place + page_size);
  CASE(-EINVAL, mremap, place, page_size, page_size, may_move | fixed, two + 1);
  CASE(-EINVAL, mremap, place, page_size, page_size, may_move | fixed, beyond);
  CASE(-EINVAL, mremap, place, 0, page_size, may_move);
  CASE(-EFAULT, mremap, nowhere, page_size, 2 * page_size, may_move);
  unmap(place, 12);
  unmap(two, 9);
  unmap(wall, 1);

  // Shared memory: a size of 0 makes a second mapping.
  char* const shared = anonymous(2, MAP_SHARED);
  shared[0] = 's';
  char* const second = (char*)make(SYS_mremap, shared, 0l, 2 * page_size, may_move);
  VALUE(true, (unsigned long)second < -4096ul && second != shared);
  second[1] = 't';
  VALUE('t', shared[1]);
  unmap(shared, 2);
  VALUE('s', second[0]);
  unmap(second, 2);

  // A file: the larger mapping shows more of it.
  const int file = new_file("/tmp/file", "x");
  CASE(0, ftruncate, file, 4 * page_size);
  CASE(1, pwrite64, file, "y", 1, 3 * page_size);
  char* const part = map(file, 2);
  char* const all = (char*)make(SYS_mremap, part, 2 * page_size, 4 * page_size, may_move);
  VALUE('x', all[0]);
  VALUE('y', all[3 * page_size]);
  all[page_size] = 'z';
  VALUE('z', read_at(file, page_size));
  CASE(0, ftruncate, file, page_size);
  VALUE(SIGBUS, signal_of(all + page_size));
  unmap(all, 4);
  unlink("/tmp/file");
  close(file);

  // A large area, in steps.
  char* const large = anonymous(3000);
  for (long page = 0; page < 3000; ++page) *(long*)(large + page * page_size) = page;
  char* const moved_to = anonymous(4000);
  CASE((long)moved_to, mremap, large, 3000 * page_size, 4000 * page_size, may_move | fixed,
       moved_to);
  long wrong = 0;
  for (long page = 0; page < 4000; ++page)
    wrong += *(long*)(moved_to + page * page_size) != (page < 3000 ? page : 0);
  VALUE(0, wrong);
  VALUE(SIGSEGV, signal_of(large));
  unmap(moved_to, 4000);
}

void residency() {
  char* const one = anonymous(4);
  unsigned char there[4];
  one[page_size] = 1;
  CASE(0, mincore, one, 4 * page_size, there);
  VALUE(0, there[0] & 1);
  VALUE(1, there[1] & 1);
  CASE(0, mincore, one, 1, there);
  CASE(0, mlock, one, 4 * page_size);
  CASE(0, mincore, one, 4 * page_size, there);
  VALUE(4, (there[0] & 1) + (there[1] & 1) + (there[2] & 1) + (there[3] & 1));
  CASE(0, munlock, one, 4 * page_size);
  CASE(0, mlock, one + 1, page_size);
  CASE(0, munlock, one + 1, page_size);
  CASE(0, mlock2, one, page_size, 1);
  CASE(-EINVAL, mlock2, one, page_size, 2);
  CASE(0, munlock, one, page_size);
  CASE(0, mlock, one, 0);
  CASE(-ENOMEM, mlock, nowhere, page_size);
  CASE(-ENOMEM, munlock, nowhere, page_size);
  CASE(-EINVAL, mincore, one + 1, page_size, there);
  CASE(-ENOMEM, mincore, nowhere, page_size, there);
  CASE(-EFAULT, mincore, one, page_size, nowhere);
  CASE(-EFAULT, mincore, one, page_size, beyond);
  CASE(0, mincore, one, 0, there);
  CASE(-EINVAL, mlockall, 0);
  CASE(-EINVAL, mlockall, 8);
  CASE(-EINVAL, mlockall, 4);
  CASE(0, mlockall, 1);
  CASE(0, munlockall);
  CASE(0, msync, one, 4 * page_size, MS_SYNC);
  CASE(0, msync, one, 4 * page_size, MS_ASYNC);
  CASE(0, msync, one, 0, 0);
  CASE(-EINVAL, msync, one, page_size, MS_SYNC | MS_ASYNC);
  CASE(-EINVAL, msync, one, page_size, 8);
  CASE(-EINVAL, msync, one + 1, page_size, MS_SYNC);
  CASE(-ENOMEM, msync, nowhere, page_size, MS_SYNC);
  CASE(-ENOMEM, msync, beyond, 4 * page_size, MS_SYNC);
  unmap(one, 4);
  const int file = new_file("/tmp/file", "x");
  char* const two = map(file, 2);
  CASE(0, mlock, two, page_size);
  CASE(-ENOMEM, mlock, two, 2 * page_size);
  CASE(0, munlock, two, 2 * page_size);
  unmap(two, 2);
  unlink("/tmp/file");
  close(file);
}

// A file that becomes shorter loses its pages in all areas, shared and private ones.
void many_areas() {
  constexpr int areas = 300;
  const int file = new_file("/tmp/file", "x");
  CASE(0, ftruncate, file, 4 * page_size);
  char* const start =
      (char*)mmap(nullptr, 2 * areas * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto area = [&](int i) { return start + 2 * i * page_size; };
  for (int i = 0; i < areas; ++i) {
    const int kind = i % 2 == 0 ? MAP_SHARED : MAP_PRIVATE;
    mmap(area(i), page_size, PROT_READ | PROT_WRITE, MAP_FIXED | kind, file, i % 4 * page_size);
    area(i)[0] = 'y';
  }
  CASE(0, fallocate, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page_size);
  VALUE(0, area(0)[0]);
  VALUE('y', area(1)[0]);
  VALUE('y', area(2)[0]);
  CASE(0, ftruncate, file, page_size);
  const PipeEnds pipe = new_pipe();
  int lost = 0;
  for (int i = 0; i < areas; ++i) lost += make(SYS_write, pipe.writer, area(i), 1) == -EFAULT;
  VALUE(areas * 3 / 4, lost);
  munmap(start, 2 * areas * page_size);
  unlink("/tmp/file");
  for (const int fd : {file, pipe.reader, pipe.writer}) close(fd);
}

// The end of a mapping must be a place that a file can have.
void far_offsets() {
  const int file = new_file("/tmp/file", "x");
  constexpr long last = ~0ul >> 1;
  const long page = last / page_size * page_size;  // the last one
  for (const int kind : {MAP_PRIVATE, MAP_SHARED}) {
    CASE(-EOVERFLOW, mmap, 0, page_size, PROT_READ, kind, file, page);
    CASE(-EOVERFLOW, mmap, 0, 1, PROT_READ, kind, file, page);
    CASE(-EOVERFLOW, mmap, 0, 2 * page_size, PROT_READ, kind, file, page - page_size);
    VALUE(true, make(SYS_mmap, 0, page_size, PROT_READ, kind, file, page - page_size) > 0);
    CASE(-EOVERFLOW, mmap, 0, page_size, PROT_READ, kind, file, -page_size);
  }
  CASE(-EBADF, mmap, 0, page_size, PROT_READ, MAP_SHARED, -1, page);
  unlink("/tmp/file");
  close(file);
}

}  // namespace

void mappings() {
  shared_files();
  private_files();
  memory_files();
  remapping();
  many_areas();
  far_offsets();
  residency();
}
