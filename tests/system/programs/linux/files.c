// Files, names and directories: prints the result of each call on a line. Leaves no files behind.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "common.h"

static char bytes[4096];
// Bad arguments, hidden from the compiler's warnings.
static char* volatile nowhere = (char*)8;
static volatile int negative = -1, too_many = 2000;

// For calls that return a descriptor: its number depends on the parent.
static int say_open(const char* what, int fd) {
  say(what, fd < 0 ? -1 : 0);
  return fd;
}
#define SAY_OPEN(call) say_open(#call, call)

static void contents(void) {
  int file = SAY_OPEN(open("file", O_CREAT | O_EXCL | O_RDWR, 0640));
  SAY(write(file, "hello world", 11));
  SAY(lseek(file, -5, SEEK_END));
  SAY(read(file, bytes, 100));
  printf("%.5s\n", bytes);
  SAY(read(file, bytes, 100));
  SAY(lseek(file, -50, SEEK_CUR));
  SAY(lseek(file, 0, 9));
  SAY(lseek(file, 10000, SEEK_SET));
  SAY(write(file, "z", 1));
  struct stat status;
  SAY(fstat(file, &status));
  printf("%o, %ld bytes\n", status.st_mode, (long)status.st_size);
  SAY(pread(file, bytes, 5, 6));
  printf("%.5s\n", bytes);
  SAY(pread(file, bytes, 5, -1));
  SAY(pwrite(file, "W", 1, 6));
  SAY(pread(file, bytes, 200, 9990));
  SAY(pwrite(file, bytes, 0, 100000));
  SAY(pwrite(file, bytes, 0, 1L << 62));
  SAY(pwrite(file, nowhere, 5, 20000));
  SAY(lseek(file, 0, SEEK_END));
  SAY(ftruncate(file, 3));
  SAY(ftruncate(file, -1));
  SAY(lseek(file, 0, SEEK_END));

  struct iovec parts[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
  SAY(writev(file, parts, 3));
  SAY(writev(file, parts, negative));
  SAY(writev(file, parts, too_many));
  char first[3], second[10];
  struct iovec into[] = {{first, 3}, {second, 10}};
  SAY(lseek(file, 0, SEEK_SET));
  SAY(readv(file, into, 2));
  printf("%.3s %.5s\n", first, second);
  SAY(write(file, nowhere, 5));
  SAY(read(77, bytes, 1));

  int reader = SAY_OPEN(open("file", O_RDONLY));
  SAY(write(reader, "x", 1));
  int writer = SAY_OPEN(open("file", O_WRONLY | O_TRUNC));
  SAY(read(writer, bytes, 1));
  SAY(lseek(file, 0, SEEK_END));
  int end = SAY_OPEN(open("file", O_WRONLY | O_APPEND));
  SAY(write(end, "123", 3));
  SAY(write(writer, "__", 2));
  SAY(write(end, "456", 3));
  SAY(pread(file, bytes, 10, 0));
  printf("%.6s\n", bytes);
}

static void links(void) {
  SAY(symlink("file", "link"));
  SAY(symlink("loop", "loop"));
  SAY(symlink("none", "dangling"));
  SAY_OPEN(open("loop", O_RDONLY));
  SAY_OPEN(open("link", O_RDONLY | O_NOFOLLOW));
  SAY_OPEN(open("link", O_CREAT | O_EXCL | O_RDWR, 0600));
  SAY_OPEN(open("dangling", O_RDONLY));
  SAY(access("none", F_OK));
  SAY_OPEN(open("dangling", O_CREAT | O_WRONLY, 0600));
  SAY(access("none", F_OK));
  SAY(readlink("link", bytes, 100));
  printf("%.4s\n", bytes);
  SAY(readlink("link", bytes, 2));
  SAY(readlink("file", bytes, 100));
  struct stat status;
  SAY(lstat("link", &status));
  printf("%o, %ld bytes\n", status.st_mode & S_IFMT, (long)status.st_size);
  SAY(unlink("loop"));
  SAY(unlink("dangling"));
}

static void names(void) {
  SAY_OPEN(open("", O_RDONLY));
  SAY_OPEN(open(".", O_WRONLY));
  SAY_OPEN(open("nothing", O_RDONLY));
  SAY_OPEN(open("nothing/x", O_CREAT | O_WRONLY, 0600));
  SAY_OPEN(open("file/", O_RDONLY));
  SAY_OPEN(open("file/x", O_RDONLY));
  SAY_OPEN(open("new/", O_CREAT | O_WRONLY, 0600));
  SAY_OPEN(open("file", O_RDONLY | O_DIRECTORY));
  SAY_OPEN(open("file", O_CREAT | O_EXCL | O_RDWR, 0600));
  SAY(mkdir("folder", 0755));
  SAY(mkdir("folder", 0755));
  SAY(mkdir("nothing/x", 0755));
  SAY(rmdir("file"));
  SAY_OPEN(open("folder/inside", O_CREAT | O_WRONLY, 0600));
  SAY(rmdir("folder"));
  SAY(rename("folder", "folder/itself"));
  SAY(rename("folder/inside", "moved"));
  SAY(rename("file", "moved"));
  SAY(rename("folder", "moved"));
  SAY(rename("moved", "folder"));
  SAY(rename("nothing", "x"));
  SAY(access("file", F_OK));
  SAY(access("moved", R_OK | W_OK));
  SAY(access("moved", 99));
  SAY(unlink("nothing"));
  SAY(rmdir("folder/"));
  SAY(unlink("link"));
}

static void directories(void) {
  SAY(mkdir("deep", 0700));
  SAY(chdir("moved"));
  SAY(chdir("nothing"));
  SAY(chdir("deep"));
  getcwd(bytes, sizeof bytes);
  printf("%s\n", strrchr(bytes, '/'));
  say("getcwd in 5 bytes", getcwd(bytes, 5) ? 0 : -1);
  SAY(chdir("../"));
  int directory = SAY_OPEN(open(".", O_RDONLY | O_DIRECTORY));
  SAY(read(directory, bytes, 10));
  struct stat status;
  SAY(fstatat(directory, "moved", &status, 0));
  SAY(fstatat(directory, "", &status, 0));
  SAY(fstatat(directory, "", &status, AT_EMPTY_PATH));
  printf("%o\n", status.st_mode & S_IFMT);
  int file = SAY_OPEN(openat(directory, "moved", O_RDONLY));
  SAY_OPEN(openat(file, "moved", O_RDONLY));
  SAY_OPEN(openat(99, "moved", O_RDONLY));
  SAY(fchdir(file));
  SAY(fchdir(directory));
  SAY(rmdir("deep"));

  DIR* listing = fdopendir(directory);
  for (int round = 0; round < 2; ++round) {
    int count = 0;
    unsigned sum = 0;
    struct dirent* entry;
    while ((entry = readdir(listing)) != NULL) {
      ++count;
      for (const char* c = entry->d_name; *c != 0; ++c) sum += (unsigned char)*c;
    }
    printf("%d names, sum %u\n", count, sum);
    rewinddir(listing);
  }
  struct termios settings;
  SAY(tcgetattr(file, &settings));
  SAY(isatty(file));
}

static void devices(void) {
  int null = SAY_OPEN(open("/dev/null", O_RDWR));
  int zero = SAY_OPEN(open("/dev/zero", O_RDWR));
  int full = SAY_OPEN(open("/dev/full", O_RDWR));
  bytes[9] = 1;
  SAY(read(zero, bytes, 10));
  printf("%d\n", bytes[9]);
  SAY(read(null, bytes, 10));
  SAY(write(null, bytes, 10));
  SAY(write(zero, bytes, 10));
  SAY(write(full, bytes, 10));
  struct stat status;
  SAY(fstat(null, &status));
  printf("%o\n", status.st_mode & S_IFMT);
}

int main(void) {
  char folder[] = "/tmp/cotrap-XXXXXX";
  if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
  contents();
  links();
  names();
  directories();
  devices();
  SAY(unlink("moved"));
  SAY(unlink("none"));
  return chdir("/") != 0 || rmdir(folder) != 0;
}
