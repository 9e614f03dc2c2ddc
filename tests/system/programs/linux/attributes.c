// sched_setattr(2): the errors, the order of the checks, and the attributes afterwards.
// `reservations`: SCHED_DEADLINE, which needs privileges, on one hart. `throttled`: how long a lock
// waits for its throttled holder, and what sched_yield() does, on one hart.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t least, most;
};
enum { first_size = 48, reset_on_fork = 1, keep_policy = 8, keep_params = 0x10 };
enum { deadline = 6, ms = 1000000 };

static long set_of(int id, const void* wanted, unsigned flags) {
  return syscall(SYS_sched_setattr, id, wanted, flags);
}
static long set(struct attributes wanted) {
  return set_of(0, &wanted, 0);
}
static void tell(void) {
  struct attributes now;
  memset(&now, 0, sizeof now);
  if (syscall(SYS_sched_getattr, 0, &now, first_size, 0) != 0) perror("sched_getattr");
  printf("  %u: policy %u, flags %lu, nice %d, priority %u\n", now.size, now.policy,
         (unsigned long)now.flags, now.nice, now.priority);
  if (now.policy != deadline) return;  // newer Linuxes return a time slice here
  printf("  %lu within %lu each %lu ns\n", (unsigned long)now.runtime, (unsigned long)now.deadline,
         (unsigned long)now.period);
}

static void ordinary(void) {
  say_whether("nice 11", set((struct attributes){.size = first_size, .nice = 11}));
  tell();
  say_whether("batch, reset on fork",
              set((struct attributes){
                  .size = first_size, .policy = SCHED_BATCH, .flags = reset_on_fork, .nice = 13}));
  tell();
  say_whether("the same policy", set((struct attributes){.flags = keep_policy, .nice = 15}));
  tell();
  say_whether("the same parameters",
              set((struct attributes){.policy = SCHED_BATCH, .flags = keep_params, .nice = 3}));
  tell();
}

static void refused(void) {
  struct attributes wanted = {.size = first_size};
  say_whether("a null pointer", set_of(0, NULL, 0));
  say_whether("a bad pointer", set_of(0, (void*)16, 0));
  say_whether("no such thread", set_of(unknown_id, &wanted, 0));
  say_whether("no such thread, a bad pointer", set_of(unknown_id, (void*)16, 0));
  say_whether("-1", set_of(-1, &wanted, 0));
  say_whether("flags", set_of(0, &wanted, 1));
  wanted.size = 40;
  say_whether("too small", set_of(0, &wanted, 0));
  printf("  known: %s\n", wanted.size >= first_size ? "more" : "less");
  say_whether("a priority for SCHED_OTHER",
              set((struct attributes){.size = first_size, .priority = 1}));
  say_whether("SCHED_FIFO without a priority",
              set((struct attributes){.size = first_size, .policy = SCHED_FIFO}));
  say_whether("too high a priority",
              set((struct attributes){.size = first_size, .policy = SCHED_RR, .priority = 100}));
  say_whether("an unknown policy", set((struct attributes){.size = first_size, .policy = 77}));
  say_whether("a negative policy", set((struct attributes){.size = first_size, .policy = -1}));
  say_whether("unknown flags", set((struct attributes){.size = first_size, .flags = 1ul << 40}));

  unsigned char long_one[200] = {0};
  const uint32_t length = sizeof long_one;
  memcpy(long_one, &length, sizeof length);
  long_one[16] = 9;  // nice
  say_whether("a longer structure", set_of(0, long_one, 0));
  long_one[199] = 1;
  say_whether("… with unknown members set", set_of(0, long_one, 0));

  say_whether("sched_getattr to a null pointer",
              syscall(SYS_sched_getattr, 0, NULL, first_size, 0));
  say_whether("sched_getattr to a bad pointer",
              syscall(SYS_sched_getattr, 0, (void*)16, first_size, 0));
  say_whether("sched_getattr with too small a size", syscall(SYS_sched_getattr, 0, &wanted, 40, 0));
  say_whether("sched_getattr of no such thread",
              syscall(SYS_sched_getattr, unknown_id, &wanted, first_size, 0));
  say_whether("sched_getattr with flags", syscall(SYS_sched_getattr, 0, &wanted, first_size, 1));
}

static long reserve(uint64_t runtime, uint64_t within, uint64_t period) {
  return set((struct attributes){.size = first_size,
                                 .policy = deadline,
                                 .runtime = runtime,
                                 .deadline = within,
                                 .period = period});
}
static void reservations(void) {
  say_whether("zeros", reserve(0, 0, 0));
  say_whether("too short a runtime", reserve(1000, ms, ms));
  say_whether("a runtime above the deadline", reserve(2 * ms, ms, 3 * ms));
  say_whether("a deadline above the period", reserve(ms, 3 * ms, 2 * ms));
  say_whether("too short a period", reserve(2000, 50000, 50000));
  say_whether("too long a period", reserve(ms, 5000ul * ms, 5000ul * ms));
  say_whether("a negative deadline", reserve(ms, 1ul << 63, 1ul << 63));
  say_whether("sched_setscheduler", sched_setscheduler(0, deadline, &(struct sched_param){0}));
  say_whether("2 of 10 ms", reserve(2 * ms, 10 * ms, 20 * ms));
  tell();
  say_whether("the same, with a period of 10 ms", reserve(2 * ms, 10 * ms, 0));
  tell();
  printf("range of priorities: %d to %d\n", sched_get_priority_min(deadline),
         sched_get_priority_max(deadline));
  say_whether("fork", fork());
  say_whether("… with reset on fork", set((struct attributes){.size = first_size,
                                                              .policy = deadline,
                                                              .flags = reset_on_fork,
                                                              .runtime = 2 * ms,
                                                              .deadline = 10 * ms}));
  fflush(stdout);
  if (fork() == 0) {
    tell();
    // 95 % of one hart can be reserved, and the parent has 20 %.
    say_whether("a reservation above 95 %", reserve(76 * ms, 100 * ms, 0));
    say_whether("a reservation up to 95 %", reserve(75 * ms, 100 * ms, 0));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  say_whether("SCHED_OTHER", set((struct attributes){.size = first_size}));
  tell();
}

static long now_in_ms(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000 + time.tv_nsec / ms;
}
static void rest(int milliseconds) {
  const struct timespec time = {0, milliseconds * (long)ms};
  nanosleep(&time, NULL);
}
static void compute(int milliseconds) {
  const long end = now_in_ms(CLOCK_THREAD_CPUTIME_ID) + milliseconds;
  while (now_in_ms(CLOCK_THREAD_CPUTIME_ID) < end) {
  }
}

static _Atomic uint32_t lock;
static atomic_int stage;
static void use_lock(int operation) {
  syscall(SYS_futex, &lock, operation | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
}
static void* compete(void* unused) {
  sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
  while (stage < 2) {
  }
  return unused;
}
static void* hold(void* unused) {
  say_whether("10 of 300 ms", reserve(10 * ms, 300 * ms, 300 * ms));
  use_lock(FUTEX_LOCK_PI);
  stage = 1;
  compute(25);
  use_lock(FUTEX_UNLOCK_PI);
  return unused;
}
// Waits for a lock whose holder has used up its budget.
static void wait_for_holder(const char* who) {
  stage = 0;
  pthread_t holder, rival;
  pthread_create(&rival, NULL, compete, NULL);
  pthread_create(&holder, NULL, hold, NULL);
  while (stage == 0) rest(1);
  rest(50);
  const long start = now_in_ms(CLOCK_MONOTONIC);
  use_lock(FUTEX_LOCK_PI);
  const long waited = now_in_ms(CLOCK_MONOTONIC) - start;
  use_lock(FUTEX_UNLOCK_PI);
  stage = 2;
  printf("%s waits for a throttled holder: %s\n", who,
         waited < 150 ? "less than half a period" : "whole periods");
  pthread_join(holder, NULL);
  pthread_join(rival, NULL);
}
static void throttled(void) {
  wait_for_holder("an ordinary thread");
  say_whether("SCHED_FIFO",
              sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
  wait_for_holder("a real-time thread");
  say_whether("2 of 50 ms", reserve(2 * ms, 50 * ms, 50 * ms));
  sched_yield();
  const long start = now_in_ms(CLOCK_MONOTONIC);
  for (int i = 0; i < 4; ++i) sched_yield();
  const long waited = now_in_ms(CLOCK_MONOTONIC) - start;
  printf("four yields take %s periods\n", waited < 150 ? "less than three" : "four");
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "throttled") == 0) {
    throttled();
  } else if (argc > 1 && strcmp(argv[1], "reservations") == 0) {
    reservations();
  } else {
    ordinary();
    refused();
  }
  fflush(stdout);
  return 0;
}
