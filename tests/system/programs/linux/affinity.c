// CPU affinity: the errors, and the order of the checks.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAY(call)                                                            \
  do {                                                                       \
    const long result = call;                                                \
    printf("%s: %s\n", #call, result < 0 ? strerrorname_np(errno) : "done"); \
  } while (0)

int main(void) {
  unsigned long all = 0, none = 0;
  void* const nowhere = (void*)16;
  const int unknown_pid = 30001;
  SAY(syscall(SYS_sched_getaffinity, 0, sizeof all, &all));
  printf("there is a processor: %s\n", all != 0 ? "yes" : "no");
  SAY(syscall(SYS_sched_setaffinity, 0, sizeof all, &all));
  SAY(syscall(SYS_sched_setaffinity, 0, sizeof none, &none));
  SAY(syscall(SYS_sched_setaffinity, 0, sizeof all, nowhere));
  SAY(syscall(SYS_sched_setaffinity, unknown_pid, sizeof all, &all));
  SAY(syscall(SYS_sched_setaffinity, unknown_pid, sizeof all, nowhere));
  SAY(syscall(SYS_sched_setaffinity, -1, sizeof all, &all));
  SAY(syscall(SYS_sched_getaffinity, -1, sizeof all, &all));
  SAY(syscall(SYS_sched_getaffinity, unknown_pid, sizeof all, &all));
  SAY(syscall(SYS_sched_getaffinity, unknown_pid, 0, &all));
  SAY(syscall(SYS_sched_getaffinity, 0, 4, &all));
  SAY(syscall(SYS_sched_getaffinity, 0, sizeof all, nowhere));
  return 0;
}
