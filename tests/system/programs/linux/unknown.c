// Unknown system call numbers always return an error.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  static const long numbers[] = {500, 511, 512, 600, 601, 600, 900, 901, 511, 1L << 40, -5};
  for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); ++i) {
    errno = 0;
    const long answer = syscall(numbers[i], 1, 2, 3);
    printf("%ld: %ld %s\n", numbers[i], answer, strerrorname_np(errno));
  }
  return 0;
}
