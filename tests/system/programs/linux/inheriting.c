// Mutexes with priority inheritance, through the C library and as bare calls: FUTEX_LOCK_PI, its
// errors, and its timeouts. `robust`: holders that die.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "common.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

enum { threads = 4, each = 5000 };

static pthread_mutex_t mutex;
static long counted;

static long ask(void* word, int operation, const struct timespec* until) {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, 0, until, NULL, 0);
}
static struct timespec in_20_ms(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  time.tv_nsec += 20000000;
  if (time.tv_nsec >= 1000000000) ++time.tv_sec, time.tv_nsec -= 1000000000;
  return time;
}
static void rest(int milliseconds) {
  const struct timespec time = {0, milliseconds * 1000000L};
  nanosleep(&time, NULL);
}

static _Atomic uint32_t first, second;
static atomic_int stage;
static long answer;

static void wait_for(int wanted) {
  while (stage < wanted) rest(1);
}

static void* count(void* unused) {
  for (int i = 0; i < each; ++i) {
    pthread_mutex_lock(&mutex);
    ++counted;
    if (i % 500 == 0) sched_yield();
    pthread_mutex_unlock(&mutex);
  }
  return unused;
}
static void counts(void) {
  pthread_t all[threads];
  for (int i = 0; i < threads; ++i) pthread_create(&all[i], NULL, count, NULL);
  for (int i = 0; i < threads; ++i) pthread_join(all[i], NULL);
  say("counted", counted);
}

static void* lock_and_die(void* unused) {
  SAY(pthread_mutex_lock(&mutex));
  stage = 1;
  rest(30);
  return unused;
}
static void dead_holder(void) {
  pthread_t holder;
  pthread_create(&holder, NULL, lock_and_die, NULL);
  wait_for(1);
  say("a lock whose holder dies during the wait", pthread_mutex_lock(&mutex));
  SAY(pthread_mutex_consistent(&mutex));
  SAY(pthread_mutex_unlock(&mutex));
  pthread_join(holder, NULL);
  pthread_create(&holder, NULL, lock_and_die, NULL);
  pthread_join(holder, NULL);
  say("a lock whose holder is dead", pthread_mutex_lock(&mutex));
  SAY(pthread_mutex_consistent(&mutex));
  SAY(pthread_mutex_unlock(&mutex));
}

static void* hold_second_then_want_first(void* unused) {
  say("lock the second", ask(&second, FUTEX_LOCK_PI, NULL));
  answer = ask(&first, FUTEX_LOCK_PI, NULL);  // printed later, when no other thread prints
  ask(&first, FUTEX_UNLOCK_PI, NULL);
  ask(&second, FUTEX_UNLOCK_PI, NULL);
  return unused;
}
static void circles(void) {
  ask(&first, FUTEX_LOCK_PI, NULL);
  pthread_t other;
  pthread_create(&other, NULL, hold_second_then_want_first, NULL);
  while ((first & FUTEX_WAITERS) == 0) rest(1);
  say("lock the second, whose holder waits for the first", ask(&second, FUTEX_LOCK_PI, NULL));
  say("unlock", ask(&first, FUTEX_UNLOCK_PI, NULL));
  pthread_join(other, NULL);
  say("lock the first, whose holder waited for the second", answer);
  say("both locks are free", first == 0 && second == 0);
}

static void* hold_for_a_while(void* unused) {
  ask(&first, FUTEX_LOCK_PI, NULL);
  stage = 11;
  wait_for(12);
  answer = ask(&first, FUTEX_UNLOCK_PI, NULL);
  return unused;
}
static void words(void) {
  const struct timespec wrong = {0, 1000000000}, over = {0, 0};
  first = 0;
  say("lock a free lock", ask(&first, FUTEX_LOCK_PI, NULL));
  say("the word has the holder's tid", first == (uint32_t)gettid());
  say("lock it again", ask(&first, FUTEX_LOCK_PI, NULL));
  say("try to lock it again", ask(&first, FUTEX_TRYLOCK_PI, NULL));
  say("unlock", ask(&first, FUTEX_UNLOCK_PI, NULL));
  say("unlock again", ask(&first, FUTEX_UNLOCK_PI, NULL));
  first = 0x3ffffff0;
  say("lock with the tid of no thread", ask(&first, FUTEX_LOCK_PI, NULL));
  say("unlock with the tid of no thread", ask(&first, FUTEX_UNLOCK_PI, NULL));
  first = 0x40000000;
  say("try to lock with a dead holder", ask(&first, FUTEX_TRYLOCK_PI, NULL));
  say("the word has FUTEX_OWNER_DIED", first == (0x40000000u | (uint32_t)gettid()));
  say("an unaligned word", ask((char*)&first + 2, FUTEX_LOCK_PI, NULL));
  say("an unmapped word", ask((void*)8, FUTEX_LOCK_PI, NULL));
  void* constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say("a read-only word", ask(constant, FUTEX_LOCK_PI, NULL));

  first = 0;
  pthread_t holder;
  pthread_create(&holder, NULL, hold_for_a_while, NULL);
  wait_for(11);
  say("try to lock another's lock", ask(&first, FUTEX_TRYLOCK_PI, NULL));
  say("unlock another's lock", ask(&first, FUTEX_UNLOCK_PI, NULL));
  struct timespec until = in_20_ms(CLOCK_REALTIME);
  say("wait for 20 ms", ask(&first, FUTEX_LOCK_PI, &until));
  until = in_20_ms(CLOCK_MONOTONIC);
  say("wait for 20 ms with FUTEX_LOCK_PI2", ask(&first, FUTEX_LOCK_PI2, &until));
  say("wait until a past time", ask(&first, FUTEX_LOCK_PI, &over));
  say("wait until an invalid time", ask(&first, FUTEX_LOCK_PI, &wrong));
  say("the word has FUTEX_WAITERS", (first & FUTEX_WAITERS) != 0);
  stage = 12;
  say("lock after the holder's unlock", ask(&first, FUTEX_LOCK_PI, NULL));
  pthread_join(holder, NULL);
  say("unlock", answer);
  say("unlock", ask(&first, FUTEX_UNLOCK_PI, NULL));
  say("the lock is free", first == 0);
}

int main(int argc, char** unused) {
  (void)unused;
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  say("set PTHREAD_PRIO_INHERIT", pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT));
  say("make a mutex", pthread_mutex_init(&mutex, &kind));
  if (argc > 1) {
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    say("make a robust mutex", pthread_mutex_init(&mutex, &kind));
    dead_holder();
    return 0;
  }
  counts();
  words();
  circles();
  return 0;
}
