// Measures two system calls as an ordinary Linux program, on Linux and on the hosted machine. The output
// has the format of user/bench/benchmark.h: name, unit, operations per value, and values.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 31, CALLS = 20000, TRIPS = 300 };

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void call(int times) {
  for (int i = 0; i < times; ++i) (void)getppid();
}

static int there[2], back[2];

static void move(int from, int to) {
  char byte;
  if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1) exit(1);
}

static void* answer(void* unused) {
  for (;;) move(there[0], back[1]);
  return unused;
}

static void throw_and_catch(int times) {
  for (int i = 0; i < times; ++i) {
    if (write(there[1], "x", 1) != 1) exit(1);
    char byte;
    if (read(back[0], &byte, 1) != 1) exit(1);
  }
}

static void measure(const char* name, void (*operation)(int), int times) {
  operation(times);
  printf("%s\tns\t%d\t", name, times);
  for (int i = 0; i < BATCHES; ++i) {
    const long begin = now();
    operation(times);
    printf("%ld ", now() - begin);
  }
  printf("\n");
}

int main(void) {
  pthread_t thread;
  if (pipe(there) != 0 || pipe(back) != 0) return 1;
  if (pthread_create(&thread, NULL, answer, NULL) != 0) return 1;
  measure("syscall.null", call, CALLS);
  measure("ipc.pipe", throw_and_catch, TRIPS);
  return 0;
}
