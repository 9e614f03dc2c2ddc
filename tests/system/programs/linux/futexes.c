// The calls futex_wait, futex_wake, futex_requeue and futex_waitv, and membarrier's command for
// restartable sequences. An argument chooses a group: `words` or `barriers`.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum { call_waitv = 449, call_wake = 454, call_wait = 455, call_requeue = 456 };
enum { u32 = 2, own = 128 };
static const uint32_t all = ~(uint32_t)0;

struct wanted {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
static _Atomic uint32_t words[8];

static struct wanted word(int index, uint32_t flags) {
  return (struct wanted){words[index], (uintptr_t)&words[index], flags, 0};
}
static long waitv(struct wanted* wanted, unsigned count, unsigned flags, struct timespec* until,
                  int clock) {
  return syscall(call_waitv, wanted, count, flags, until, clock);
}
static long wait_for(void* address, uint64_t value, uint64_t mask, unsigned flags,
                     struct timespec* until, int clock) {
  return syscall(call_wait, address, value, mask, flags, until, clock);
}
static long wake(void* address, uint64_t mask, int count, unsigned flags) {
  return syscall(call_wake, address, mask, count, flags);
}
static long requeue(struct wanted* both, unsigned flags, int wakes, int moves) {
  return syscall(call_requeue, both, flags, wakes, moves);
}
static struct timespec in_milliseconds(long length, int clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_nsec += length * 1000000;
  time.tv_sec += time.tv_nsec / 1000000000;
  time.tv_nsec %= 1000000000;
  return time;
}

static _Atomic pid_t waiter;
static void until_asleep(void) {
  char path[64], text[512];
  while (waiter == 0) usleep(1000);
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)waiter);
  for (;;) {
    FILE* const file = fopen(path, "r");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) return;
    fclose(file);
    if (strrchr(text, ')')[2] == 'S') return;
    usleep(1000);
  }
}

static long answer;
static void* wait_for_three(void* flags) {
  struct wanted three[3];
  for (int i = 0; i < 3; ++i) three[i] = word(i, u32 | (uint32_t)(uintptr_t)flags);
  waiter = gettid();
  answer = waitv(three, 3, 0, NULL, 0);
  return NULL;
}
static void* wait_for_fifth(void* unused) {
  (void)unused;
  waiter = gettid();
  answer = wait_for(&words[5], 0, 6, u32 | own, NULL, 0);
  return NULL;
}
static void quietly(int number) {
  (void)number;
}
static pthread_t begin(void* (*life)(void*), void* argument) {
  pthread_t thread;
  waiter = 0;
  pthread_create(&thread, NULL, life, argument);
  until_asleep();
  return thread;
}
static void end(pthread_t thread) {
  pthread_join(thread, NULL);
  printf("  it got %ld\n", answer);
}

static void try_words(void) {
  struct wanted one[130];
  for (int i = 0; i < 130; ++i) one[i] = word(0, u32 | own);
  struct timespec until = in_milliseconds(20, CLOCK_MONOTONIC);
  SAY(waitv(one, 0, 0, NULL, 0));
  SAY(waitv(one, 129, 0, NULL, 0));
  SAY(waitv(one, 1, 1, NULL, 0));
  SAY(waitv(NULL, 1, 0, NULL, 0));
  SAY(waitv((struct wanted*)8, 1, 0, NULL, 0));
  SAY(waitv(one, 1, 0, &until, CLOCK_BOOTTIME));
  SAY(waitv(one, 1, 0, (struct timespec*)8, CLOCK_MONOTONIC));
  SAY(waitv(one, 128, 0, &until, CLOCK_MONOTONIC));
  until = in_milliseconds(20, CLOCK_REALTIME);
  SAY(waitv(one, 3, 0, &until, CLOCK_REALTIME));
  until.tv_nsec = 1000000000;
  SAY(waitv(one, 3, 0, &until, CLOCK_REALTIME));
  one[1].flags = 0;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].flags = u32 | 4;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].flags = 3;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].flags = u32;
  one[1].reserved = 1;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].reserved = 0;
  one[1].value = (uint64_t)1 << 32;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].value = 1;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].value = 0;
  one[1].address += 1;
  SAY(waitv(one, 2, 0, NULL, 0));
  one[1].address = 64;
  SAY(waitv(one, 2, 0, NULL, 0));

  pthread_t thread = begin(wait_for_three, (void*)(uintptr_t)own);
  SAY(wake(&words[3], all, 1, u32 | own));
  SAY(wake(&words[1], all, 1, u32 | own));
  end(thread);
  SAY(wake(&words[0], all, 1, u32 | own));
  SAY(wake(&words[2], all, 1, u32 | own));
  thread = begin(wait_for_three, NULL);
  SAY(wake(&words[2], all, 9, u32));
  end(thread);
  thread = begin(wait_for_three, NULL);
  SAY(syscall(SYS_futex, &words[0], 1, 1));
  end(thread);
  struct sigaction action = {.sa_handler = quietly};
  sigaction(SIGUSR1, &action, NULL);
  thread = begin(wait_for_three, NULL);
  pthread_kill(thread, SIGUSR1);
  end(thread);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  thread = begin(wait_for_three, NULL);
  pthread_kill(thread, SIGUSR1);
  usleep(20000);
  until_asleep();
  SAY(wake(&words[0], all, 1, u32));
  end(thread);

  SAY(wait_for(&words[5], 1, all, u32 | own, NULL, 0));
  SAY(wait_for(&words[5], 0, 0, u32 | own, NULL, 0));
  SAY(wait_for(&words[5], 0, all, own, NULL, 0));
  SAY(wait_for(&words[5], (uint64_t)1 << 32, all, u32, NULL, 0));
  SAY(wait_for(&words[5], 0, (uint64_t)1 << 32, u32, NULL, 0));
  until = in_milliseconds(20, CLOCK_MONOTONIC);
  SAY(wait_for(&words[5], 0, all, u32, &until, CLOCK_MONOTONIC));
  SAY(wait_for(&words[5], 0, all, u32, &until, CLOCK_BOOTTIME));
  until = in_milliseconds(20, CLOCK_REALTIME);
  SAY(wait_for(&words[5], 0, all, u32, &until, CLOCK_REALTIME));
  SAY(wake(&words[5], 0, 1, u32));
  SAY(wake(&words[5], (uint64_t)1 << 32, 1, u32));
  SAY(wake(&words[5], all, 1, 0));
  SAY(wake(&words[5], all, 1, u32 | 64));
  SAY(wake((char*)&words[5] + 1, all, 1, u32));
  SAY(wake((void*)64, all, 1, u32));
  thread = begin(wait_for_fifth, NULL);
  SAY(wake(&words[5], 1, 1, u32 | own));
  SAY(wake(&words[5], 2, 0, u32 | own));
  SAY(wake(&words[5], 2, 1, u32 | own));
  end(thread);

  thread = begin(wait_for_fifth, NULL);
  struct wanted both[2] = {word(5, u32 | own), word(6, u32 | own)};
  both[0].value = 7;
  SAY(requeue(both, 0, 0, 1));
  both[0].value = 0;
  SAY(requeue(both, 1, 0, 1));
  SAY(requeue(NULL, 0, 0, 1));
  SAY(requeue(both, 0, -1, 1));
  SAY(requeue(both, 0, 0, -1));
  SAY(requeue(both, 0, 0, 1));
  SAY(wake(&words[5], all, 1, u32 | own));
  SAY(wake(&words[6], all, 1, u32 | own));
  end(thread);
}

// ── membarrier ──

static long membarrier(int command, unsigned flags, int hart) {
  return syscall(SYS_membarrier, command, flags, hart);
}
static void try_barriers(void) {
  enum { rseq = 1 << 7, register_rseq = 1 << 8, registrations = 1 << 9 };
  SAY((membarrier(0, 0, 0) & (rseq | register_rseq)) == (rseq | register_rseq));
  SAY(membarrier(rseq, 0, 0));
  SAY(membarrier(register_rseq, 1, 0));
  SAY(membarrier(register_rseq, 0, 0));
  SAY(membarrier(rseq, 0, 0));
  SAY(membarrier(rseq, 1, 0));
  SAY(membarrier(rseq, 1, 1000));
  SAY(membarrier(rseq, 2, 0));
  SAY(membarrier(1 << 3, 1, 0));
  SAY(membarrier(registrations, 0, 0));
}

int main(int argc, char** argv) {
  const char* const group = argc > 1 ? argv[1] : "";
  if (strcmp(group, "words") == 0) try_words();
  if (strcmp(group, "barriers") == 0) try_barriers();
  return 0;
}
