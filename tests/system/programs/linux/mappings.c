// Mapped files: memory behind their ends, and mappings that cannot be made writable.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { page = 4096 };

static void touch(const char* what, volatile char* at, int writing) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const char found = *at;
    if (writing) *at = found;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("%s: %s\n", what, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "ok");
}

static void holes(void) {
  char* const nothing = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say_whether("unmap the middle", munmap(nothing + page, page));
  say_whether("… unmap it again", munmap(nothing + page, page));
  say_whether("… MADV_WILLNEED over the gap", madvise(nothing, 3 * page, MADV_WILLNEED));
  say_whether("… MADV_DONTNEED over the gap", madvise(nothing, 3 * page, MADV_DONTNEED));
  say_whether("MADV_DONTNEED before the gap", madvise(nothing, page, MADV_DONTNEED));
  say_whether("unmap address 0", munmap(NULL, page));
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "holes") == 0) {
    holes();
    return 0;
  }
  const int file = open("/proc/self/exe", O_RDONLY);
  struct stat about;
  fstat(file, &about);
  const size_t whole = ((size_t)about.st_size + page - 1) / page * page;

  char* there = mmap(NULL, whole + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  touch("the last page of a file", there + whole - 1, 1);
  touch("a page behind it", there + whole, 0);
  touch("the next, written", there + whole + page, 1);
  say_whether("a system call's buffer there", read(file, there + whole, 1));
  munmap(there + page, whole - 2 * page);
  touch("the last page of the shortened file", there + whole - 1, 0);
  touch("… and behind it", there + whole, 0);

  there = mmap(NULL, page, PROT_READ, MAP_PRIVATE, file, (off_t)(whole + 4 * page));
  touch("a file mapped behind its end", there, 0);

  there = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, file, 0);
  say_whether("shared and read-only made writable", mprotect(there, page, PROT_READ | PROT_WRITE));
  say_whether("… made executable", mprotect(there, page, PROT_READ | PROT_EXEC));
  say_whether("… made writable in its middle", mprotect(there + page, page, PROT_WRITE));
  touch("… read", there, 0);
  touch("… written", there, 1);
  say_whether("shared and writable from the start",
              (long)mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  there = mmap(NULL, page, PROT_READ, MAP_PRIVATE, file, 0);
  say_whether("private and read-only made writable", mprotect(there, page, PROT_READ | PROT_WRITE));
  touch("… written", there, 1);
  return 0;
}
