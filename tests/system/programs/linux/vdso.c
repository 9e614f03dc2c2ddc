// Clocks by the vDSO and by system calls: both agree, in children and threads, too. The argument
// `cost` prints how many instructions clock_gettime takes; it needs counted time.
#define _GNU_SOURCE
#include "common.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static int in_order(const struct timespec* a, const struct timespec* b) {
  return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec <= b->tv_nsec);
}

// Coarse clocks of Linux are behind the others, but in order among themselves.
static void try_clock(const char* name, clockid_t clock) {
  struct timespec before, between, after;
  const long first = syscall(SYS_clock_gettime, clock, &before);
  const int second = clock_gettime(clock, &between);
  const long third = syscall(SYS_clock_gettime, clock, &after);
  printf("%s: %ld %d %ld, in order: %d\n", name, first, second, third,
         in_order(&before, &between) && in_order(&between, &after));
}

static void try_all(void) {
  try_clock("CLOCK_REALTIME", CLOCK_REALTIME);
  try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
  try_clock("CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID);
  try_clock("CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID);
  try_clock("CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW);
  try_clock("CLOCK_BOOTTIME", CLOCK_BOOTTIME);
  struct timespec time;
  SAY(clock_gettime(99, &time));
  SAY(clock_gettime(-1, &time));
  SAY(clock_getres(CLOCK_MONOTONIC, &time));
  printf("resolution: %ld.%09ld\n", (long)time.tv_sec, time.tv_nsec);
  SAY(clock_getres(99, &time));
  struct timeval now;
  clock_gettime(CLOCK_REALTIME, &time);
  SAY(gettimeofday(&now, NULL));
  printf("seconds: %d\n", now.tv_sec - time.tv_sec <= 1);
  unsigned hart = 99, node = 99;
  SAY(getcpu(&hart, &node));
  printf("hart: %d, node: %u\n", hart < 64, node);
  fflush(stdout);
}

static void* in_thread(void* unused) {
  printf("in a thread\n");
  try_all();
  return unused;
}

static void in_child(void) {
  printf("in a child\n");
  try_all();
}

static unsigned long instructions(void) {
#ifdef __riscv
  unsigned long count;
  __asm__ volatile("rdinstret %0" : "=r"(count));
  return count;
#else
  return 0;
#endif
}

static void cost(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const unsigned long before = instructions();
  clock_gettime(CLOCK_MONOTONIC, &time);
  printf("%lu instructions\n", instructions() - before);
}

// The image cannot be written, and a program can remove it.
static void image(void) {
  const unsigned long at = getauxval(AT_SYSINFO_EHDR);
  const Elf64_Ehdr* const header = (const Elf64_Ehdr*)at;
  printf("an ELF image: %d\n", memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
  printf("a shared library: %d\n", header->e_type == ET_DYN);
  int written[2];
  if (pipe(written) != 0) return;
  SAY(read(written[0], (void*)at, syscall(SYS_write, written[1], "x", 1)));
  printf("it is as before: %d\n", memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
  printf("the least stack for handlers: %lu\n", getauxval(AT_MINSIGSTKSZ));
}

int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "cost") == 0) {
    cost();
    return 0;
  }
  if (count > 1) {
    image();
    return 0;
  }
  try_all();
  run_child(in_child);
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  return 0;
}
