// A directory that is removed while it is a process's working directory, and iovec arrays of many
// parts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common.h"

static void stand_in_a_removed_directory(void) {
  SAY(mkdir("gone", 0700));
  int outside = open(".", O_RDONLY | O_DIRECTORY);
  int file = open("file", O_CREAT | O_RDWR, 0600);
  SAY(chdir("gone"));
  SAY(unlinkat(outside, "gone", AT_REMOVEDIR));
  char path[100];
  SAY(getcwd(path, sizeof path) ? 0 : -1);
  SAY(mkdir("inner", 0700));
  SAY(open("inner", O_CREAT | O_RDWR, 0600));
  SAY(symlink("target", "inner"));
  SAY(renameat(outside, "file", AT_FDCWD, "inner"));
  SAY(open("inner", O_RDONLY));
  SAY(access(".", F_OK));
  SAY(fchdir(outside));
  SAY(unlink("file"));
  close(file);
  close(outside);
}

static void move_many_parts(void) {
  static char bytes[1024];
  struct iovec parts[1024];
  for (int i = 0; i < 1024; ++i) parts[i] = (struct iovec){bytes + i, 1};
  int ends[2];
  SAY(pipe(ends));
  memset(bytes, 'x', sizeof bytes);
  SAY(writev(ends[1], parts, 1024));
  memset(bytes, 0, sizeof bytes);
  SAY(readv(ends[0], parts, 1024));
  SAY(memchr(bytes, 0, sizeof bytes) == NULL);
}

static void move_much(void) {
  const size_t size = 5 << 20;
  char* bytes = malloc(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = (char)(i % 251);
  int file = open("much", O_CREAT | O_RDWR, 0600);
  SAY(write(file, bytes, size));
  char* back = malloc(size);
  SAY(lseek(file, 0, SEEK_SET));
  SAY(read(file, back, size));
  SAY(memcmp(bytes, back, size));
  SAY(read(file, back, size));
  int zero = open("/dev/zero", O_RDWR);
  SAY(read(zero, back, size));
  SAY(write(zero, back, size));
  SAY(write(open("/dev/full", O_RDWR), back, size));
  close(file);
  SAY(unlink("much"));
}

int main(void) {
  char folder[] = "/tmp/removed-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder) != 0) return 1;
  stand_in_a_removed_directory();
  move_many_parts();
  move_much();
  SAY(chdir("/"));
  SAY(rmdir(folder));
  return 0;
}
