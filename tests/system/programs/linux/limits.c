// Resource limits: queried, enforced, inherited. The argument "memory" selects those that user-mode
// emulators do not pass on.
#define _GNU_SOURCE
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static void show(const char* what, int resource) {
  struct rlimit limit;
  getrlimit(resource, &limit);
  printf("%s: %ld, at most %ld\n", what, (long)limit.rlim_cur, (long)limit.rlim_max);
}

static long set(int resource, rlim_t soft, rlim_t hard) {
  return setrlimit(resource, &(struct rlimit){soft, hard});
}

static void tell_end(void (*life)(void)) {
  const int status = run_child(life);
  if (WIFSIGNALED(status)) printf("… dies of %s\n", sigabbrev_np(WTERMSIG(status)));
}

static void show_inherited(void) {
  show("files, in a child", RLIMIT_NOFILE);
  show("core, in a child", RLIMIT_CORE);
  set(RLIMIT_CORE, 1, 1);
}

static void limit_files(void) {
  set(RLIMIT_NOFILE, 20, 200);
  show("files", RLIMIT_NOFILE);
  int fd;
  while ((fd = dup(0)) >= 0 && fd < 100) {
  }
  say_whether("a descriptor beyond the limit", fd);
  say_whether("dup2 to a number above the limit", dup2(0, 25));
  say_whether("… F_DUPFD from there", fcntl(0, F_DUPFD, 25));
  say_whether("a soft limit above the hard one", set(RLIMIT_NOFILE, 300, 200));
  say_whether("a higher soft limit", set(RLIMIT_NOFILE, 26, 200));
  say_whether("dup2 to a number now allowed", dup2(0, 25));
  say_whether("a lower hard limit", set(RLIMIT_CORE, 1000, 3000));
  tell_end(show_inherited);
  show("core, after the child's change", RLIMIT_CORE);
  say_whether("limits of an unknown process", prlimit(4000000, RLIMIT_CORE, NULL, NULL));
  say_whether("an unknown limit", set(16, 1, 1));
  say_whether("limits at a bad address", prlimit(0, RLIMIT_CORE, (struct rlimit*)8, NULL));
}

static const char* self;

static void use_stack(void) {
  execl(self, self, "stack", (char*)NULL);
}

static void limit_memory(void) {
  enum { mb = 1 << 20 };
  show("stack", RLIMIT_STACK);
  set(RLIMIT_STACK, 2 * mb, RLIM_INFINITY);
  tell_end(use_stack);
  set(RLIMIT_STACK, 16 * mb, RLIM_INFINITY);
  tell_end(use_stack);

  char* there = mmap(NULL, mb, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  set(RLIMIT_AS, 40 * mb, RLIM_INFINITY);
  show("address space", RLIMIT_AS);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  say_whether("a mapping beyond the limit", (long)mmap(NULL, 40 * mb, PROT_NONE, flags, -1, 0));
  say_whether("a heap beyond the limit", (long)sbrk(40 * mb));
  int pieces = 0;
  while (mmap(NULL, mb, PROT_NONE, flags, -1, 0) != MAP_FAILED) ++pieces;
  printf("mappings up to the limit: %s\n", pieces > 20 && pieces < 40 ? "ok" : "no");
  say_whether("a mapping that replaces another", (long)mmap(there, mb, PROT_NONE, flags | MAP_FIXED, -1, 0));
  set(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
  say_whether("a mapping without a limit", (long)mmap(NULL, 40 * mb, PROT_NONE, flags, -1, 0));
}

int main(int argc, char** argv) {
  self = argv[0];
  if (argc == 1) {
    limit_files();
  } else if (strcmp(argv[1], "memory") == 0) {
    limit_memory();
  } else {
    show("stack, in another program", RLIMIT_STACK);
    fflush(stdout);
    enum { much = 4 << 20 };
    volatile char* bytes = alloca(much);
    for (int i = much - 1; i > 0; i -= 4096) bytes[i] = 1;
    printf("4 MiB of stack were used\n");
  }
  return 0;
}
