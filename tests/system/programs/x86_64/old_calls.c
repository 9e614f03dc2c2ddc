// Calls that x86_64 has and newer processors do not: each row prints a call, its result, and its
// effect.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct two_seconds {
  long accessed, modified;
};

static void show(const char* what, long result) {
  printf("%s: %ld", what, result);
  if (result < 0) printf(" %s", strerrorname_np(errno));
  printf("\n");
}
#define CALL(name, ...) show(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, __VA_ARGS__))

static void status(const char* path) {
  struct stat found;
  if (lstat(path, &found) != 0) return show("lstat", -1);
  printf("  %o, %u:%u, %lu links", found.st_mode, found.st_uid, found.st_gid,
         (unsigned long)found.st_nlink);
  if (found.st_mtime < 1000000000) {
    printf(", %ld.%09ld, %ld.%09ld", found.st_atim.tv_sec, found.st_atim.tv_nsec,
           found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
  }
  printf("\n");
}

static void names(void) {
  CALL(chmod, "file", 0751);
  status("file");
  CALL(chmod, "none", 0751);
  CALL(chmod, NULL, 0751);
  CALL(chown, "link", 12, 34);
  status("file");
  CALL(lchown, "link", 56, 78);
  status("file");
  CALL(chown, "none", 12, 34);
  CALL(link, "file", "second");
  status("file");
  CALL(link, "file", "second");
  CALL(link, "none", "third");
  CALL(mknod, "fifo", S_IFIFO | 0604, 0);
  status("fifo");
  CALL(mknod, "folder", S_IFDIR | 0700, 0);
  CALL(mknod, "fifo", S_IFIFO | 0604, 0);
}

static void times(int folder) {
  const struct two_seconds seconds = {5, 6};
  const struct timeval moments[2] = {{7, 8}, {9, 999999}}, wrong[2] = {{7, 1000000}, {0, 0}},
                       negative[2] = {{7, 0}, {0, -1}};
  // UTIME_OMIT of utimensat is no time here.
  const struct timeval omitted[2] = {{7, ((1l << 30) - 2) / 1000}, {0, 0}};
  CALL(utime, "file", &seconds);
  status("file");
  CALL(utimes, "file", moments);
  status("file");
  CALL(utimes, "file", wrong);
  CALL(utimes, "file", negative);
  CALL(utimes, "file", omitted);
  CALL(utimes, "file", (void*)1);
  CALL(utimes, NULL, moments);
  CALL(utime, "none", &seconds);
  CALL(futimesat, folder, "file", wrong);
  CALL(futimesat, folder, "second", moments);
  status("file");
  CALL(futimesat, -1, "file", moments);
  CALL(futimesat, folder, NULL, moments);
  CALL(utime, "file", NULL);
  status("file");
}

static void selects(void) {
  int ends[2];
  if (pipe(ends) != 0) return show("pipe", -1);
  fd_set reading, writing;
  FD_ZERO(&reading);
  FD_SET(ends[0], &reading);
  FD_ZERO(&writing);
  FD_SET(ends[1], &writing);
  struct timeval none = {0, 0}, carry = {0, 1000001}, negative = {0, -1}, seconds = {-1, 0},
                 far = {0x7fffffffffffffff, 2000000};
  CALL(select, ends[1] + 1, &reading, &writing, NULL, &none);
  printf("  %d, %d\n", FD_ISSET(ends[0], &reading) != 0, FD_ISSET(ends[1], &writing) != 0);
  FD_SET(ends[0], &reading);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, &none);
  FD_SET(ends[0], &reading);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, &negative);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, &seconds);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, &far);
  CALL(select, -1, NULL, NULL, NULL, &none);
  CALL(select, 0, NULL, NULL, NULL, (void*)1);
  if (write(ends[1], "x", 1) != 1) return;
  FD_SET(ends[0], &reading);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, NULL);
  FD_SET(ends[0], &reading);
  CALL(select, ends[0] + 1, &reading, NULL, NULL, &carry);
  printf("  left: %d\n", carry.tv_sec == 1 || (carry.tv_sec == 0 && carry.tv_usec > 0));
  struct timeval soon = {0, 20000};
  CALL(select, 0, NULL, NULL, NULL, &soon);
  printf("  left: %ld.%06ld\n", soon.tv_sec, soon.tv_usec);
}

int main(void) {
  char name[] = "/tmp/old-XXXXXX";
  if (mkdtemp(name) == NULL || chdir(name) != 0) return 1;
  umask(022);
  close(open("file", O_CREAT | O_WRONLY, 0644));
  if (symlink("file", "link") != 0) return 1;
  names();
  times(open(".", O_RDONLY | O_DIRECTORY));
  selects();
  const char* made[] = {"file", "link", "second", "fifo"};
  for (size_t i = 0; i < sizeof made / sizeof *made; ++i) unlink(made[i]);
  return rmdir(name);
}
