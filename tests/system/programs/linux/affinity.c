// CPU affinity: the errors, and the order of the checks.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

#define TRY(call)                                                            \
  do {                                                                       \
    const long result = call;                                                \
    printf("%s: %s\n", #call, result < 0 ? strerrorname_np(errno) : "done"); \
  } while (0)

int main(void) {
  unsigned long all = 0, none = 0;
  void* const nowhere = (void*)16;
  TRY(syscall(SYS_sched_getaffinity, 0, sizeof all, &all));
  printf("there is a processor: %s\n", all != 0 ? "yes" : "no");
  TRY(syscall(SYS_sched_setaffinity, 0, sizeof all, &all));
  TRY(syscall(SYS_sched_setaffinity, 0, sizeof none, &none));
  TRY(syscall(SYS_sched_setaffinity, 0, sizeof all, nowhere));
  TRY(syscall(SYS_sched_setaffinity, unknown_id, sizeof all, &all));
  TRY(syscall(SYS_sched_setaffinity, unknown_id, sizeof all, nowhere));
  TRY(syscall(SYS_sched_setaffinity, -1, sizeof all, &all));
  TRY(syscall(SYS_sched_getaffinity, -1, sizeof all, &all));
  TRY(syscall(SYS_sched_getaffinity, unknown_id, sizeof all, &all));
  TRY(syscall(SYS_sched_getaffinity, unknown_id, 0, &all));
  TRY(syscall(SYS_sched_getaffinity, 0, 4, &all));
  TRY(syscall(SYS_sched_getaffinity, 0, sizeof all, nowhere));
  return 0;
}
