// A call that Linux has, and that Cotrap does not have. It fails on both.
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  printf("perf_event_open: %ld\n", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
  return 0;
}
