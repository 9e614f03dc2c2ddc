// Reads, writes and positions: transfers of no bytes, of too many, and at wrong places.
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "answers.h"

namespace {

char bytes[8192];
constexpr long huge = LONG_MAX;

void zero_bytes() {
  const auto [reader, writer] = new_pipe();
  CASE(0, read, reader, bytes, 0);
  CASE(0, read, reader, nowhere, 0);
  CASE(-EFAULT, read, reader, beyond, 0);
  CASE(0, write, writer, bytes, 0);
  CASE(0, write, writer, nowhere, 0);
  CASE(-EFAULT, write, writer, beyond, 0);
  CASE(-EBADF, read, writer, bytes, 0);
  CASE(-EBADF, write, reader, bytes, 0);
  CASE(-ESPIPE, pread64, reader, bytes, 0, 0);
  CASE(-ESPIPE, pread64, reader, bytes, 1, 0);
  CASE(-ESPIPE, pread64, reader, nowhere, 1, 5);
  CASE(-ESPIPE, pread64, reader, beyond, 1, 5);
  CASE(-EINVAL, pread64, reader, bytes, 0, -1);
  CASE(-ESPIPE, pread64, writer, bytes, 0, 0);
  CASE(-ESPIPE, pread64, writer, bytes, 1, 0);
  CASE(-ESPIPE, pwrite64, writer, bytes, 0, 0);
  CASE(-ESPIPE, pwrite64, writer, bytes, 1, 0);
  CASE(-ESPIPE, pwrite64, writer, beyond, 1, 0);
  CASE(-EINVAL, pwrite64, writer, bytes, 0, -1);
  CASE(-ESPIPE, pwrite64, reader, bytes, 0, 0);
  CASE(-ESPIPE, pwrite64, reader, bytes, 1, 0);
  CASE(-EAGAIN, read, reader, bytes, 1);
  CASE(-EAGAIN, read, reader, nowhere, 1);
  close(writer);
  CASE(0, read, reader, bytes, 1);
  CASE(0, read, reader, nowhere, 1);
  close(reader);

  const int file = new_file("/tmp/zero", "0123456789");
  CASE(0, read, file, bytes, 0);
  CASE(0, read, file, nowhere, 0);
  CASE(-EFAULT, read, file, beyond, 0);
  CASE(-EFAULT, read, file, nowhere, 1);
  CASE(-EFAULT, read, file, beyond, 1);
  CASE(0, write, file, nowhere, 0);
  CASE(-EFAULT, write, file, nowhere, 1);
  CASE(0, pread64, file, nowhere, 0, 0);
  CASE(0, pread64, file, bytes, 0, huge);
  CASE(0, pread64, file, bytes, 1, 10);
  CASE(0, pread64, file, nowhere, 1, 10);
  CASE(-EFAULT, pread64, file, nowhere, 1, 9);
  CASE(-EFAULT, pread64, file, beyond, 1, 10);
  CASE(1, pread64, file, bytes, 5, 9);
  CASE(-EINVAL, pread64, file, bytes, 1, -1);
  CASE(-EINVAL, pread64, file, bytes, 1, LONG_MIN);
  CASE(0, pwrite64, file, nowhere, 0, 0);
  CASE(0, pwrite64, file, bytes, 0, 1000);
  CASE(-EINVAL, pwrite64, file, bytes, 1, -1);
  CASE(-EFAULT, pwrite64, file, nowhere, 1, 0);
  CASE(10, lseek, file, 0, SEEK_END);
  close(file);
  unlink("/tmp/zero");
}

void huge_counts() {
  const int file = new_file("/tmp/huge", "0123456789");
  const auto [reader, writer] = new_pipe();
  CASE(-EFAULT, read, file, bytes, -1);
  CASE(-EFAULT, read, file, bytes, LONG_MIN);
  CASE(-EFAULT, write, file, bytes, -1);
  CASE(-EFAULT, pread64, file, bytes, -1, 0);
  CASE(-EFAULT, pwrite64, file, bytes, -1, 0);
  CASE(-EFAULT, read, reader, bytes, -1);
  CASE(-EFAULT, write, writer, bytes, -1);
  CASE(10, read, file, bytes, 1 << 30);
  CASE(0, lseek, file, 0, SEEK_SET);
  CASE(-EINVAL, pread64, file, bytes, 1, huge);
  CASE(0, pread64, file, bytes, 1, huge - 1);
  CASE(-EINVAL, pwrite64, file, bytes, 1, huge);
  CASE(-EBADF, pwrite64, 0x7fffffff, bytes, 1, huge);
  close(file);
  close(reader);
  close(writer);
  unlink("/tmp/huge");
}

void lists() {
  const int file = new_file("/tmp/lists", "0123456789");
  const auto [reader, writer] = new_pipe();
  const iovec two[] = {{bytes, 2}, {bytes, 3}};
  const iovec empty[] = {{nowhere, 0}, {nullptr, 0}};
  const iovec empty_beyond[] = {{beyond, 0}, {bytes, 0}};
  const iovec negative[] = {{bytes, 1}, {bytes, (size_t)-1}};
  const iovec sum[] = {{bytes, (size_t)LONG_MAX}, {bytes, (size_t)LONG_MAX}};
  const iovec kernels[] = {{bytes, 1}, {beyond, 1}};
  const iovec missing[] = {{bytes, 1}, {nowhere, 1}};
  const iovec negative_beyond[] = {{beyond, 1}, {bytes, (size_t)-1}};
  for (const int from : {file, reader}) {
    CASE(0, readv, from, nowhere, 0);
    CASE(0, readv, from, empty, 2);
    CASE(0, readv, from, empty, 0);
    CASE(-EFAULT, readv, from, empty_beyond, 2);
    CASE(-EINVAL, readv, from, two, -1);
    CASE(-EINVAL, readv, from, two, INT_MIN);
    CASE(-EINVAL, readv, from, two, 1025);
    CASE(-EINVAL, readv, from, nowhere, 1025);
    CASE(-EFAULT, readv, from, nowhere, 1);
    CASE(-EFAULT, readv, from, beyond, 1);
    CASE(-EINVAL, readv, from, negative, 2);
    CASE(-EFAULT, readv, from, kernels, 2);
    CASE(-EFAULT, readv, from, sum, 2);
    CASE(-EINVAL, readv, from, negative_beyond, 2);
  }
  for (const int to : {file, writer}) {
    CASE(0, writev, to, nowhere, 0);
    CASE(0, writev, to, empty, 2);
    CASE(-EFAULT, writev, to, empty_beyond, 2);
    CASE(-EINVAL, writev, to, two, -1);
    CASE(-EINVAL, writev, to, two, 1025);
    CASE(-EINVAL, writev, to, nowhere, 1025);
    CASE(-EFAULT, writev, to, nowhere, 1);
    CASE(-EINVAL, writev, to, negative, 2);
    CASE(-EFAULT, writev, to, kernels, 2);
    CASE(-EINVAL, writev, to, negative_beyond, 2);
  }
  CASE(-EBADF, readv, writer, two, 2);
  CASE(-EBADF, readv, writer, two, 0);
  CASE(-EBADF, readv, writer, two, -1);
  CASE(-EBADF, writev, reader, two, -1);
  CASE(10, readv, file, sum, 1);
  CASE(0, lseek, file, 0, SEEK_SET);
  CASE(5, readv, file, two, 2);
  CASE(0, lseek, file, 0, SEEK_SET);
  CASE(1, readv, file, missing, 2);
  CASE(1, lseek, file, 0, SEEK_CUR);
  CASE(-EAGAIN, readv, reader, two, 2);
  CASE(5, writev, writer, two, 2);
  CASE(5, readv, reader, two, 2);
  close(file);
  close(reader);
  close(writer);
  unlink("/tmp/lists");
}

void positions() {
  const int file = new_file("/tmp/place", "0123456789");
  CASE(-EINVAL, lseek, file, -1, SEEK_SET);
  CASE(-EINVAL, lseek, file, 0, 99);
  CASE(-EINVAL, lseek, file, 0, -1);
  CASE(-EINVAL, lseek, file, -1, SEEK_CUR);
  CASE(-EINVAL, lseek, file, -11, SEEK_END);
  CASE(-EINVAL, lseek, file, LONG_MIN, SEEK_SET);
  CASE(-EINVAL, lseek, file, LONG_MIN, SEEK_END);
  CASE(0, lseek, file, -10, SEEK_END);
  CASE(1L << 40, lseek, file, 1L << 40, SEEK_SET);
  CASE(0, read, file, bytes, 1);
  CASE(huge, lseek, file, huge, SEEK_SET);
  DIFFERS(-EINVAL, 0, read, file, bytes, 1);
  DIFFERS(-EINVAL, -EFBIG, write, file, bytes, 1);
  CASE(0, read, file, bytes, 0);
  CASE(-EINVAL, lseek, file, huge, SEEK_END);
  CASE(-EINVAL, lseek, file, 1, SEEK_CUR);
  CASE(10, lseek, file, 0, SEEK_END);
  CASE(0, read, file, bytes, 1);
  CASE(0, lseek, file, 0, SEEK_SET);
  CASE(0, lseek, file, 0, SEEK_DATA);
  CASE(10, lseek, file, 0, SEEK_HOLE);
  CASE(-ENXIO, lseek, file, 10, SEEK_DATA);
  CASE(-ENXIO, lseek, file, 10, SEEK_HOLE);
  CASE(-ENXIO, lseek, file, -1, SEEK_DATA);
  CASE(-ENXIO, lseek, file, huge, SEEK_HOLE);
  const auto [reader, writer] = new_pipe();
  CASE(-ESPIPE, lseek, reader, 0, SEEK_CUR);
  CASE(-ESPIPE, lseek, writer, -1, SEEK_SET);
  CASE(-EINVAL, lseek, reader, 0, 99);
  CASE(-EINVAL, lseek, writer, 0, -1);
  CASE(-ESPIPE, lseek, writer, 0, SEEK_DATA);
  close(file);
  close(reader);
  close(writer);
  unlink("/tmp/place");
}

void lengths() {
  int file = new_file("/tmp/length", "0123456789");
  CASE(-EINVAL, ftruncate, file, -1);
  CASE(-EINVAL, ftruncate, file, LONG_MIN);
  CASE(0, ftruncate, file, 5);
  CASE(5, lseek, file, 0, SEEK_END);
  CASE(0, ftruncate, file, 100);
  CASE(100, lseek, file, 0, SEEK_END);
  CASE(0, fsync, file);
  CASE(0, fdatasync, file);
  close(file);
  file = open("/tmp/length", O_RDONLY);
  CASE(-EINVAL, ftruncate, file, 5);
  CASE(-EINVAL, ftruncate, file, -1);
  CASE(-EBADF, write, file, bytes, 1);
  CASE(-EBADF, write, file, bytes, 0);
  CASE(-EBADF, write, file, beyond, 1);
  CASE(-EBADF, pwrite64, file, bytes, 1, 0);
  CASE(-EBADF, writev, file, nowhere, 1);
  CASE(0, fsync, file);
  close(file);
  file = open("/tmp/length", O_WRONLY);
  CASE(-EBADF, read, file, bytes, 1);
  CASE(-EBADF, pread64, file, bytes, 1, 0);
  CASE(-EBADF, readv, file, nowhere, 1);
  CASE(-ENOTDIR, getdents64, file, bytes, 64);
  CASE(-EACCES, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  file = open("/tmp/length", O_RDWR);
  CASE(-ENOTDIR, getdents64, file, bytes, 64);
  CASE(-ENOTDIR, getdents64, file, nowhere, 0);
  close(file);
  unlink("/tmp/length");
}

void folders() {
  mkdir("/tmp/folder", 0755);
  const int folder = open("/tmp/folder", O_RDONLY);
  const iovec one{bytes, 1};
  const iovec empty{bytes, 0};
  CASE(-EISDIR, read, folder, bytes, 1);
  CASE(-EISDIR, read, folder, bytes, 0);
  CASE(-EISDIR, read, folder, nowhere, 1);
  CASE(-EFAULT, read, folder, beyond, 1);
  CASE(-EISDIR, pread64, folder, bytes, 1, 0);
  CASE(-EISDIR, pread64, folder, bytes, 0, 0);
  CASE(-EINVAL, pread64, folder, bytes, 1, -1);
  CASE(-EISDIR, readv, folder, &one, 1);
  CASE(0, readv, folder, &empty, 1);
  CASE(-EBADF, write, folder, bytes, 1);
  CASE(-EBADF, pwrite64, folder, bytes, 1, 0);
  CASE(-EINVAL, ftruncate, folder, 0);
  CASE(0, fsync, folder);
  CASE(-ENOTTY, ioctl, folder, 0x5401, bytes);
  CASE(-ENODEV, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, folder, 0);
  CASE(-EINVAL, getdents64, folder, bytes, 0);
  CASE(-EINVAL, getdents64, folder, bytes, 10);
  CASE(-EINVAL, getdents64, folder, nowhere, 10);
  CASE(-EFAULT, getdents64, folder, nowhere, 100);
  CASE(-EFAULT, getdents64, folder, beyond, 100);
  CASE(48, getdents64, folder, bytes, 4096);
  CASE(0, getdents64, folder, bytes, 4096);
  CASE(0, getdents64, folder, bytes, -1);
  CASE(0, getdents64, folder, bytes, 0);
  CASE(0, getdents64, folder, nowhere, 10);
  CASE(0, lseek, folder, 0, SEEK_SET);
  CASE(48, getdents64, folder, bytes, 4096);
  CASE(-EINVAL, lseek, folder, -1, SEEK_SET);
  CASE(-EINVAL, lseek, folder, 0, 99);
  CASE(-EINVAL, lseek, folder, 0, SEEK_DATA);
  close(folder);
  rmdir("/tmp/folder");
}

void devices() {
  const int null = open("/dev/null", O_RDWR);
  CASE(0, read, null, nowhere, 1);
  CASE(0, read, null, bytes, 0);
  CASE(1, write, null, nowhere, 1);
  CASE(-EFAULT, write, null, beyond, 1);
  CASE(0, pread64, null, bytes, 1, 0);
  CASE(1, pwrite64, null, bytes, 1, 0);
  CASE(-EINVAL, pread64, null, bytes, 1, -1);
  CASE(0, lseek, null, 0, SEEK_SET);
  CASE(0, lseek, null, 100, SEEK_END);
  CASE(0, lseek, null, -1, SEEK_CUR);
  CASE(-EINVAL, ftruncate, null, 0);
  CASE(-EINVAL, fsync, null);
  CASE(-ENOTTY, ioctl, null, 0x5401, bytes);
  CASE(-ENODEV, mmap, 0, page_size, PROT_READ, MAP_PRIVATE, null, 0);
  close(null);
  const int zero = open("/dev/zero", O_RDWR);
  CASE(4, read, zero, bytes, 4);
  CASE(-EFAULT, read, zero, nowhere, 4);
  CASE(4, pread64, zero, bytes, 4, 100);
  CASE(4, write, zero, nowhere, 4);
  CASE(0, lseek, zero, 7, SEEK_SET);
  CASE(-EINVAL, fsync, zero);
  close(zero);
  const int full = open("/dev/full", O_RDWR);
  CASE(4, read, full, bytes, 4);
  CASE(-ENOSPC, write, full, bytes, 4);
  CASE(-ENOSPC, write, full, nowhere, 4);
  CASE(-ENOSPC, write, full, bytes, 0);
  CASE(-ENOSPC, pwrite64, full, bytes, 4, 0);
  close(full);
  const int random = open("/dev/urandom", O_RDWR);
  CASE(4, read, random, bytes, 4);
  CASE(-EFAULT, read, random, nowhere, 4);
  CASE(0, read, random, nowhere, 0);
  CASE(4, pread64, random, bytes, 4, 100);
  CASE(4, write, random, bytes, 4);
  CASE(0, lseek, random, 7, SEEK_SET);
  CASE(-EINVAL, fsync, random);
  close(random);
}

}  // namespace

void transfers() {
  zero_bytes();
  huge_counts();
  lists();
  positions();
  lengths();
  folders();
  devices();
}
