// name_to_handle_at(2) and open_by_handle_at(2). With the argument `files` the program tests
// handles of files. Without it, it tests only errors that are the same on each file system.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#define only_name 0x200
#define wide_mount 1

static union {
  struct file_handle head;
  char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
} a, b;
static int mount_number;

static int name(const char* path, unsigned room, int flags) {
  a.head.handle_bytes = room;
  a.head.handle_type = 77;
  return name_to_handle_at(AT_FDCWD, path, &a.head, &mount_number, flags);
}
static void print_handle(void) {
  printf("  %u bytes, type %#x\n", a.head.handle_bytes, (unsigned)a.head.handle_type);
}
static int tmp, dev;
static int open_a(int flags) {
  const int fd = open_by_handle_at(tmp, &a.head, flags);
  if (fd >= 0) close(fd);
  return fd >= 0 ? 1 : -1;
}
static int same_file(const char* path) {
  struct stat one, other;
  const int fd = open_by_handle_at(tmp, &a.head, O_RDONLY);
  if (fd < 0 || fstat(fd, &one) != 0 || stat(path, &other) != 0) return -1;
  close(fd);
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

static void errors(void) {
  SAY(name("/tmp", MAX_HANDLE_SZ, 0x4000));
  SAY(name("/tmp", MAX_HANDLE_SZ, AT_SYMLINK_NOFOLLOW));
  SAY(name("/tmp/nothing", MAX_HANDLE_SZ, 0));
  SAY(name("", MAX_HANDLE_SZ, 0));
  SAY(open_by_handle_at(99, &a.head, O_RDONLY));
}

static void names(void) {
  tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
  dev = open("/dev", O_RDONLY | O_DIRECTORY);
  close(open("/tmp/handled", O_CREAT | O_RDWR, 0600));
  SAY(symlink("handled", "/tmp/handled.link"));
  SAY(mkdir("/tmp/handled.d", 0700));
  SAY(name("/tmp/handled", MAX_HANDLE_SZ + 1, 0));
  SAY(name("/tmp/handled", 0, 0));
  print_handle();
  SAY(name("/tmp/handled", 11, 0));
  print_handle();
  SAY(name("/tmp/handled", 12, 0));
  print_handle();
  SAY(name("/tmp/handled", MAX_HANDLE_SZ, 0));
  print_handle();
  SAY(name("/tmp/handled", MAX_HANDLE_SZ, only_name));
  print_handle();
  SAY(name("/proc/version", MAX_HANDLE_SZ, 0));
  print_handle();
  SAY(name("/proc/version", 4, only_name));
  print_handle();
  SAY(name("/proc/version", MAX_HANDLE_SZ, only_name));
  print_handle();
  SAY(name("/dev/null", MAX_HANDLE_SZ, 0));
  print_handle();
  SAY(name_to_handle_at(tmp, "", &a.head, &mount_number, AT_EMPTY_PATH));
  print_handle();
  SAY(name_to_handle_at(AT_FDCWD, "/tmp/handled", (void*)16, &mount_number, 0));
  a.head.handle_bytes = 12;
  SAY(name_to_handle_at(AT_FDCWD, "/tmp/handled", &a.head, (void*)16, 0));
  uint64_t wide = ~0ull;
  SAY(name_to_handle_at(AT_FDCWD, "/tmp/handled", &a.head, (int*)&wide, wide_mount));
  printf("  %d\n", wide != ~0ull);
  int ends[2];
  SAY(pipe(ends));
  SAY(name_to_handle_at(ends[0], "", &a.head, &mount_number, AT_EMPTY_PATH));
  SAY(name_to_handle_at(ends[0], "", &a.head, &mount_number, AT_EMPTY_PATH | only_name));
  print_handle();
  close(ends[0]);
  close(ends[1]);
}

static void opens(void) {
  SAY(name("/tmp/handled.link", MAX_HANDLE_SZ, AT_SYMLINK_FOLLOW));
  SAY(same_file("/tmp/handled"));
  SAY(open_a(O_RDWR));
  SAY(open_a(O_PATH));
  SAY(open_a(O_RDWR | O_TRUNC));
  SAY(open_a(O_RDONLY | O_DIRECTORY));
  SAY(open_a(O_CREAT | O_EXCL | O_RDWR));
  SAY(open_a(O_CREAT | O_RDWR));
  SAY(open_a(O_CREAT | O_DIRECTORY));
  SAY(open_by_handle_at(99, &a.head, O_RDONLY));
  const int path_only = open("/tmp", O_PATH);
  SAY(open_by_handle_at(path_only, &a.head, O_RDONLY));
  SAY(open_by_handle_at(dev, &a.head, O_RDONLY));
  SAY(open_by_handle_at(tmp, (void*)16, O_RDONLY));
  b = a;
  a.head.handle_bytes = 0;
  SAY(open_a(O_RDONLY));
  a.head.handle_bytes = MAX_HANDLE_SZ + 1;
  SAY(open_a(O_RDONLY));
  a.head.handle_bytes = 8;
  SAY(open_a(O_RDONLY));
  a.head.handle_bytes = 16;
  SAY(open_a(O_RDONLY));
  a = b;
  a.head.handle_type = 5;
  SAY(open_a(O_RDONLY));
  a = b;
  a.head.f_handle[0] ^= 1;
  SAY(open_a(O_RDONLY));
  a = b;
  a.head.f_handle[7] ^= 1;
  SAY(open_a(O_RDONLY));
  a = b;
  SAY(name("/tmp/handled.link", MAX_HANDLE_SZ, 0));
  SAY(open_a(O_RDONLY));
  SAY(open_a(O_PATH));
  SAY(name("/tmp/handled.d", MAX_HANDLE_SZ, 0));
  SAY(open_a(O_RDONLY | O_DIRECTORY));
  SAY(open_a(O_RDWR));
  SAY(same_file("/tmp/handled.d"));
  const int fd = open_by_handle_at(tmp, &a.head, O_RDONLY);
  close(openat(fd, "new", O_CREAT | O_RDWR, 0600));
  SAY(access("/tmp/handled.d/new", F_OK));
  SAY(unlink("/tmp/handled.d/new"));
  close(fd);
}

static void ends(void) {
  SAY(name("/tmp/handled", MAX_HANDLE_SZ, 0));
  SAY(rename("/tmp/handled", "/tmp/handled.d/moved"));
  SAY(same_file("/tmp/handled.d/moved"));
  const int fd = open("/tmp/handled.d/moved", O_RDONLY);
  SAY(unlink("/tmp/handled.d/moved"));
  SAY(open_a(O_RDONLY));
  close(fd);
  SAY(open_a(O_RDONLY));
  SAY(name("/tmp/handled.d", MAX_HANDLE_SZ, 0));
  SAY(rmdir("/tmp/handled.d"));
  SAY(open_a(O_RDONLY));
  SAY(unlink("/tmp/handled.link"));
  SAY(name("/tmp", MAX_HANDLE_SZ, 0));
  drop_rights();
  SAY(name("/tmp", MAX_HANDLE_SZ, 0));
  SAY(open_a(O_RDONLY));
  SAY(open_by_handle_at(99, &a.head, O_RDONLY));
  SAY(open_by_handle_at(tmp, (void*)16, O_RDONLY));
}

// Another process removes a file, or closes it, and then makes no call. It may run on another hart.

static _Atomic int* turn;
static void wait_for(int wanted) {
  while (*turn != wanted) continue;
}
static void make_nodes(void) {
  close(open("/tmp/handled", O_CREAT | O_RDWR, 0600));
  mkdir("/tmp/handled.d", 0700);
  // Long enough that the processes run at the same time, if they can.
  for (volatile int i = 0; i < 200000; ++i) continue;
}
// Makes and ends nodes for the handles in `a` and `b`, in each round after its parent.
static void live_as_child(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    wait_for(4 * round);
    make_nodes();
    *turn = 4 * round + 1;
    wait_for(4 * round + 2);
    close(open("/tmp/handled", O_RDONLY));
    close(open("/tmp/handled.d", O_RDONLY));
    unlink("/tmp/handled");
    rmdir("/tmp/handled.d");
    *turn = 4 * round + 3;
  }
  wait_for(4 * rounds);
}
static void harts(void) {
  const int rounds = 3;
  tmp = open("/tmp", O_RDONLY | O_DIRECTORY);
  turn = mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (fork() == 0) {
    live_as_child(rounds);
    _exit(0);
  }
  for (int round = 0; round < rounds; ++round) {
    wait_for(4 * round + 1);
    name("/tmp/handled", MAX_HANDLE_SZ, 0);
    b = a;
    name("/tmp/handled.d", MAX_HANDLE_SZ, 0);
    *turn = 4 * round + 2;
    wait_for(4 * round + 3);
    SAY(open_a(O_RDONLY));
    a = b;
    SAY(open_a(O_RDONLY));
    *turn = 4 * round + 4;
  }
  wait(NULL);
}

int main(int count, char** arguments) {
  if (count == 1) {
    errors();
  } else if (strcmp(arguments[1], "files") == 0) {
    names();
    opens();
    ends();
  } else if (strcmp(arguments[1], "harts") == 0) {
    harts();
  }
  return 0;
}
