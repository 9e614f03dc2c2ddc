// A call that Linux has, and that Cotrap does not have. It fails on both: on Linux for its arguments.
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
  printf("syslog: %ld\n", syscall(SYS_syslog, 99, 0, 0));
  return 0;
}
