// Calls that wait, and events from other threads: a byte for one of two readers, a descriptor that
// is replaced during a read, changed words, futex wakes and timeouts. No fork.
//
// waits           all but the read whose descriptor is replaced
// waits replaced  only this read. It needs a machine that counts instructions, because a busy host
//                 may delay the read until after the replacement.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

// In microseconds. A thread that is about to wait does so within this time, unless the host is
// busy.
static const long a_while = 100000;

struct reader {
  pthread_t thread;
  int fd;
  char byte;
  atomic_int begun, ended;
  long answer;
};

static void* read_byte(void* argument) {
  struct reader* self = argument;
  self->begun = 1;
  self->answer = read(self->fd, &self->byte, 1);
  self->ended = 1;
  return NULL;
}

// When this returns, the reader waits for a byte, or will as soon as it next runs.
static void start(struct reader* reader, int fd) {
  reader->fd = fd;
  pthread_create(&reader->thread, NULL, read_byte, reader);
  while (!reader->begun) usleep(1000);
  usleep(a_while);
}

static void one_byte_for_two(void) {
  int end[2];
  struct reader readers[2] = {0};
  SAY(pipe(end));
  for (int i = 0; i < 2; ++i) start(&readers[i], end[0]);
  SAY(write(end[1], "x", 1));
  while (readers[0].ended + readers[1].ended == 0) usleep(1000);
  usleep(a_while);
  printf("%d has ended\n", readers[0].ended + readers[1].ended);
  SAY(close(end[1]));
  for (int i = 0; i < 2; ++i) pthread_join(readers[i].thread, NULL);
  printf("%ld byte for both\n", readers[0].answer + readers[1].answer);
  SAY(close(end[0]));
}

// A read that began on one file ends on that file, even if its descriptor then refers to another
// one.
static void another_file(void) {
  int first[2], second[2];
  struct reader reader = {0};
  SAY(pipe(first));
  SAY(pipe(second));
  SAY(write(second[1], "2", 1));
  start(&reader, first[0]);
  SAY(dup2(second[0], first[0]));
  usleep(a_while);
  printf("ended: %d\n", reader.ended);
  SAY(write(first[1], "1", 1));
  pthread_join(reader.thread, NULL);
  printf("%ld: %c\n", reader.answer, reader.byte);
  for (int i = 0; i < 2; ++i) {
    close(first[i]);
    close(second[i]);
  }
}

static atomic_uint word = 1;

static long futex(void* at, int operation, unsigned value, const struct timespec* timeout,
                  unsigned bits) {
  return syscall(SYS_futex, at, operation, value, timeout, NULL, bits);
}

static void* wait_for_change(void* operation) {
  return (void*)futex(&word, (int)(intptr_t)operation, 1, NULL, 2);
}

static void woken_by_bits(int flags) {
  pthread_t waiter;
  pthread_create(&waiter, NULL, wait_for_change, (void*)(intptr_t)(FUTEX_WAIT_BITSET | flags));
  usleep(a_while);
  SAY(futex(&word, FUTEX_WAKE_BITSET | flags, 9, NULL, 1));
  SAY(futex(&word + 1, FUTEX_WAKE | flags, 9, NULL, 0));
  long woken;
  while ((woken = futex(&word, FUTEX_WAKE_BITSET | flags, 9, NULL, 3)) == 0) usleep(1000);
  printf("%ld woken by one of its bits\n", woken);
  void* answer;
  pthread_join(waiter, &answer);
  printf("the waiter: %ld\n", (long)answer);
}

// Waiters requeued to the word that they already wait for are counted, and keep waiting.
static void moved_to_where_it_was(int flags) {
  pthread_t waiters[4];
  for (int i = 0; i < 4; ++i) {
    pthread_create(&waiters[i], NULL, wait_for_change,
                   (void*)(intptr_t)(FUTEX_WAIT_BITSET | flags));
  }
  long waiting = 0;
  while (waiting < 4) {
    usleep(1000);
    waiting = syscall(SYS_futex, &word, FUTEX_REQUEUE | flags, 0, INT32_MAX, &word, 0);
  }
  SAY(syscall(SYS_futex, &word, FUTEX_REQUEUE | flags, 0, 0, &word, 0));
  SAY(syscall(SYS_futex, &word, FUTEX_REQUEUE | flags, 0, 1, &word, 0));
  SAY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE | flags, 0, INT32_MAX, &word, 1));
  long woken = 0;
  while (woken < 4) woken += futex(&word, FUTEX_WAKE | flags, 9, NULL, 0);
  for (int i = 0; i < 4; ++i) pthread_join(waiters[i], NULL);
}

static void refused(int flags) {
  const struct timespec none = {0, 0}, some = {0, 1000000}, wrong = {0, 1000000000};
  SAY(futex(&word, FUTEX_WAIT | flags, 2, NULL, 0));
  SAY(futex(&word, FUTEX_WAIT | flags, 2, &some, 0));
  SAY(futex(&word, FUTEX_WAIT | flags, 1, &some, 0));
  SAY(futex(&word, FUTEX_WAIT | flags, 1, &wrong, 0));
  SAY(futex(&word, FUTEX_WAIT_BITSET | flags, 1, &none, 1));
  SAY(futex(&word, FUTEX_WAIT_BITSET | flags, 1, NULL, 0));
  SAY(futex(&word, FUTEX_WAIT_BITSET | flags, 1, &some, 0));
  SAY(futex((char*)&word + 1, FUTEX_WAIT | flags, 1, NULL, 0));
  SAY(futex(NULL, FUTEX_WAIT | flags, 1, NULL, 0));
  SAY(futex(&word, FUTEX_WAKE_BITSET | flags, 1, NULL, 0));
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "replaced") == 0) {
    another_file();
    return 0;
  }
  one_byte_for_two();
  for (int private = 0; private < 2; ++private) {
    woken_by_bits(private ? FUTEX_PRIVATE_FLAG : 0);
    moved_to_where_it_was(private ? FUTEX_PRIVATE_FLAG : 0);
    refused(private ? FUTEX_PRIVATE_FLAG : 0);
  }
  return 0;
}
