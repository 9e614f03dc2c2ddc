// The space of files: sizes, holes, allocation, and transfers of several parts at an offset.
#include <sys/stat.h>
#include <sys/uio.h>

#include "answers.h"

namespace {

struct stat status;
long blocks_of(int fd) {
  fstat(fd, &status);
  return status.st_blocks;
}
long size_of(int fd) {
  fstat(fd, &status);
  return status.st_size;
}

void truncations() {
  const int file = new_file("/tmp/file", "0123456789");
  mkdir("/tmp/folder", 0755);
  CASE(0, truncate, "/tmp/file", 4);
  VALUE(4, size_of(file));
  CASE(0, truncate, "/tmp/file", 8);
  char bytes[17] = "................";
  CASE(8, pread64, file, bytes, 16, 0);
  VALUE(0, memcmp(bytes, "0123\0\0\0\0........", 16));
  CASE(-EINVAL, truncate, "/tmp/file", -1);
  CASE(-EISDIR, truncate, "/tmp/folder", 1);
  CASE(-ENOENT, truncate, "/tmp/none", 1);
  CASE(-ENOENT, truncate, "", 1);
  CASE(-ENOTDIR, truncate, "/tmp/file/", 1);
  CASE(-EINVAL, truncate, "/dev/null", 1);
  CASE(-EFAULT, truncate, nowhere, 1);
  rmdir("/tmp/folder");
  unlink("/tmp/file");
  close(file);
}

enum { keep_size = 1, punch_hole = 2, zero_range = 16 };

void allocations() {
  const int file = new_file("/tmp/file", "");
  const int reader = open("/tmp/file", O_RDONLY);
  const int path = open("/tmp/file", O_PATH);
  const int folder = open("/tmp", O_RDONLY);
  const int null = open("/dev/null", O_RDWR);
  const PipeEnds pipe = new_pipe();
  CASE(0, fallocate, file, 0, 0, 3 * page_size);
  VALUE(3 * page_size, size_of(file));
  VALUE(24, blocks_of(file));
  CASE(0, fallocate, file, keep_size, 3 * page_size, page_size);
  VALUE(3 * page_size, size_of(file));
  VALUE(32, blocks_of(file));
  CASE(0, fallocate, file, 0, 10, 1);
  VALUE(3 * page_size, size_of(file));
  memset(new_page(PROT_READ | PROT_WRITE), 0, page_size);
  static char text[3 * 4096], back[3 * 4096];
  memset(text, 'x', sizeof text);
  CASE(sizeof text, pwrite64, file, text, sizeof text, 0);
  CASE(0, fallocate, file, punch_hole | keep_size, 100, 2 * page_size);
  VALUE(24, blocks_of(file));
  CASE(sizeof back, pread64, file, back, sizeof back, 0);
  memset(text + 100, 0, 2 * page_size);
  VALUE(0, memcmp(text, back, sizeof text));
  CASE(0, fallocate, file, punch_hole | keep_size, 5 * page_size, page_size);
  CASE(0, ftruncate, file, 0);
  VALUE(0, blocks_of(file));
  CASE(-EINVAL, fallocate, file, 0, -1, 10);
  CASE(-EINVAL, fallocate, file, 0, 0, 0);
  CASE(-EINVAL, fallocate, file, 0, 0, -1);
  CASE(-EOPNOTSUPP, fallocate, file, punch_hole, 0, 10);
  CASE(-EOPNOTSUPP, fallocate, file, zero_range, 0, 10);
  CASE(-EOPNOTSUPP, fallocate, file, 0x1000, 0, 10);
  CASE(-EFBIG, fallocate, file, 0, (long)(~0ul >> 1), 10);
  CASE(-EBADF, fallocate, reader, 0, 0, 10);
  CASE(-EBADF, fallocate, path, 0, 0, 10);
  CASE(-EBADF, fallocate, -1, 0, 0, 10);
  CASE(-EBADF, fallocate, folder, 0, 0, 10);
  CASE(-ESPIPE, fallocate, pipe.writer, 0, 0, 10);
  CASE(-ENODEV, fallocate, null, 0, 0, 10);
  unlink("/tmp/file");
  for (int fd : {file, reader, path, folder, null, pipe.reader, pipe.writer}) close(fd);
}

void holes() {
  const int file = new_file("/tmp/file", "");
  CASE(0, ftruncate, file, 10 * page_size);
  CASE(-ENXIO, lseek, file, 0, SEEK_DATA);
  CASE(0, lseek, file, 0, SEEK_HOLE);
  CASE(1, pwrite64, file, "x", 1, 3 * page_size + 7);
  CASE(1, pwrite64, file, "x", 1, 5 * page_size);
  CASE(3 * page_size, lseek, file, 0, SEEK_DATA);
  CASE(3 * page_size + 9, lseek, file, 3 * page_size + 9, SEEK_DATA);
  CASE(4 * page_size, lseek, file, 3 * page_size + 9, SEEK_HOLE);
  CASE(5 * page_size, lseek, file, 4 * page_size, SEEK_DATA);
  CASE(6 * page_size, lseek, file, 5 * page_size, SEEK_HOLE);
  CASE(7 * page_size + 1, lseek, file, 7 * page_size + 1, SEEK_HOLE);
  CASE(-ENXIO, lseek, file, 6 * page_size, SEEK_DATA);
  CASE(-ENXIO, lseek, file, 10 * page_size, SEEK_HOLE);
  CASE(-ENXIO, lseek, file, -1, SEEK_DATA);
  CASE(0, ftruncate, file, 5 * page_size + 1);
  CASE(5 * page_size + 1, lseek, file, 5 * page_size, SEEK_HOLE);
  unlink("/tmp/file");
  close(file);
}

void advice() {
  const int file = new_file("/tmp/file", "text");
  const int writer = open("/tmp/file", O_WRONLY);
  const int path = open("/tmp/file", O_PATH);
  const PipeEnds pipe = new_pipe();
  for (int kind : {0, 1, 2, 3, 4, 5}) CASE(0, fadvise64, file, 0, 0, kind);
  CASE(-EINVAL, fadvise64, file, 0, 0, 6);
  CASE(-EINVAL, fadvise64, file, 0, -1, 0);
  CASE(-EBADF, fadvise64, -1, 0, 0, 0);
  CASE(-EBADF, fadvise64, path, 0, 0, 0);
  CASE(-ESPIPE, fadvise64, pipe.reader, 0, 0, 0);
  CASE(0, readahead, file, 0, 100);
  CASE(-EBADF, readahead, writer, 0, 100);
  CASE(-EBADF, readahead, -1, 0, 100);
  CASE(-EINVAL, readahead, pipe.reader, 0, 100);
  CASE(0, fsync, file);
  CASE(0, fdatasync, file);
  CASE(0, syncfs, file);
  CASE(-EBADF, syncfs, -1);
  CASE(-EBADF, syncfs, path);
  CASE(0, sync);
  CASE(0, sync_file_range, file, 0, 0, 7);
  CASE(-EINVAL, sync_file_range, file, 0, 0, 8);
  CASE(-EINVAL, sync_file_range, file, -1, 0, 0);
  CASE(-EINVAL, sync_file_range, file, 0, -1, 0);
  CASE(-EBADF, sync_file_range, -1, 0, 0, 0);
  CASE(-ESPIPE, sync_file_range, pipe.reader, 0, 0, 0);
  unlink("/tmp/file");
  for (int fd : {file, writer, path, pipe.reader, pipe.writer}) close(fd);
}

void parts() {
  const int file = new_file("/tmp/file", "0123456789");
  const int reader = open("/tmp/file", O_RDONLY);
  const int writer = open("/tmp/file", O_WRONLY);
  const PipeEnds pipe = new_pipe();
  char one[4] = {}, two[4] = {};
  const iovec into[] = {{one, 3}, {two, 4}};
  const iovec from[] = {{(void*)"abc", 3}, {(void*)"defg", 4}};
  const iovec negative[] = {{one, (size_t)-1}, {two, 4}};
  CASE(7, preadv, file, into, 2, 1, 0);
  VALUE(0, memcmp(one, "123", 3) | memcmp(two, "4567", 4));
  CASE(0, preadv, file, into, 2, 10, 0);
  CASE(1, preadv, file, into, 2, 9, 0);
  CASE(7, pwritev, file, from, 2, 8, 0);
  CASE(7, preadv, file, into, 2, 8, 0);
  VALUE(0, memcmp(one, "abc", 3) | memcmp(two, "defg", 4));
  CASE(0, lseek, file, 0, SEEK_CUR);
  CASE(7, preadv2, file, into, 2, 0, 0, 0);
  CASE(0, lseek, file, 0, SEEK_CUR);
  CASE(7, preadv2, file, into, 2, -1, 0, 0);
  CASE(7, lseek, file, 0, SEEK_CUR);
  CASE(7, pwritev2, file, from, 2, -1, 0, 0);
  CASE(14, lseek, file, 0, SEEK_CUR);
  CASE(-EOPNOTSUPP, preadv2, file, into, 2, 0, 0, 0x1000);
  CASE(-EOPNOTSUPP, pwritev2, file, from, 2, 0, 0, 0x1000);
  CASE(-EINVAL, preadv2, file, into, 2, -2, 0, 0);
  CASE(-EINVAL, preadv, file, into, 2, -1, 0);
  CASE(-EINVAL, pwritev, file, from, 2, -1, 0);
  CASE(-EINVAL, preadv, file, into, -1, 0, 0);
  CASE(-EINVAL, preadv, file, into, 1025, 0, 0);
  CASE(-EINVAL, preadv, file, negative, 2, 0, 0);
  CASE(0, preadv, file, into, 0, 0, 0);
  CASE(-EFAULT, preadv, file, nowhere, 1, 0, 0);
  CASE(-EBADF, preadv, writer, into, 2, 0, 0);
  CASE(-EBADF, pwritev, reader, from, 2, 0, 0);
  CASE(-EBADF, preadv, -1, into, 2, 0, 0);
  CASE(-ESPIPE, preadv, pipe.reader, into, 2, 0, 0);
  CASE(-ESPIPE, preadv, pipe.writer, into, 2, 0, 0);
  CASE(-ESPIPE, pwritev, pipe.writer, from, 2, 0, 0);
  CASE(7, pwritev2, pipe.writer, from, 2, -1, 0, 0);
  unlink("/tmp/file");
  for (int fd : {file, reader, writer, pipe.reader, pipe.writer}) close(fd);
}

// A write that fails leaves the space behind the end, and no bytes there.
void failed_writes() {
  const int file = new_file("/tmp/file", "text");
  struct stat status;
  CASE(0, fallocate, file, FALLOC_FL_KEEP_SIZE, 0, 8 * page_size);
  CASE(-EFAULT, pwrite64, file, nowhere, 2 * page_size, page_size);
  fstat(file, &status);
  VALUE(4, status.st_size);
  VALUE(8 * page_size / 512, status.st_blocks);
  // The second half of the source is missing.
  char* const source = (char*)mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(source, 'x', page_size);
  munmap(source + page_size, page_size);
  CASE(page_size, pwrite64, file, source, 2 * page_size, 0);
  fstat(file, &status);
  VALUE(page_size, status.st_size);
  VALUE(8 * page_size / 512, status.st_blocks);
  CASE(0, ftruncate, file, 4 * page_size);
  char byte = 1;
  CASE(1, pread64, file, &byte, 1, page_size);
  VALUE(0, byte);
  munmap(source, page_size);
  unlink("/tmp/file");
  close(file);
}

}  // namespace

void space() {
  truncations();
  allocations();
  holes();
  advice();
  parts();
  failed_writes();
}
