// System calls that move many bytes work in steps: other threads run during such a call.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum { length = 24 << 20 };

static atomic_long turns;
static long turns_before;

static _Noreturn void* count_turns(void* unused) {
  (void)unused;
  for (;;) {
    struct timespec a_moment = {.tv_nsec = 100000};
    nanosleep(&a_moment, NULL);
    ++turns;
  }
}

static void* new_memory(int flags) {
  return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

// Whether the other thread ran during the call. Two of its turns do not count: one may come just
// before the call, and one just after it. Also true for a call that moved less than `length` bytes,
// because it may be too short for a switch, and on Linux, where other processes change the result.
static int others_had_turns(long moved) {
  return turns - turns_before > 2 || moved < (long)length || !on_cotrap();
}

// Several tries: a busy host may delay a timer for as long as the call takes.
#define LONG_CALL(name, call)                                             \
  do {                                                                    \
    long moved = 0;                                                       \
    int seen = 0;                                                         \
    for (int again = 5; again > 0 && !seen; --again) {                    \
      turns_before = turns;                                               \
      moved = (call);                                                     \
      seen = others_had_turns(moved);                                     \
    }                                                                     \
    printf("%s: %ld bytes, %s\n", name, moved,                            \
           seen ? "another thread ran" : "no other thread ran");           \
  } while (0)

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, count_turns, NULL);
  while (turns == 0) sched_yield();

  char* memory = new_memory(0);
  int zeros = open("/dev/zero", O_RDWR);
  LONG_CALL("pread64", pread(zeros, memory, length, 0));
  munmap(memory, length);

  memory = new_memory(0);
  struct iovec parts[] = {{memory, length / 2}, {memory + length / 2, length / 2}};
  LONG_CALL("readv", readv(zeros, parts, 2));

  char path[] = "/tmp/long-XXXXXX";
  int file = mkstemp(path);
  unlink(path);
  memory[length - 1] = 'x';
  LONG_CALL("pwrite64", pwrite(file, memory, length, 3));
  char last = 0;
  printf("the last byte: %zd %c\n", pread(file, &last, 1, 3 + length - 1), last);
  LONG_CALL("pread64 past the end", pread(file, memory, length, length / 2));
  printf("pread64 behind the end: %zd\n", pread(file, memory, length, 2 * length));
  char* volatile nowhere = (char*)16;
  printf("pread64 to a bad address: %zd", pread(file, nowhere, length, 0));
  printf(" %s\n", strerrorname_np(errno));
  close(file);
  munmap(memory, length);

  LONG_CALL("mmap with MAP_POPULATE",
            (memory = new_memory(MAP_POPULATE)) != MAP_FAILED ? length : -1);

  LONG_CALL("getrandom", getrandom(memory, length, 0));
  int same = 0;
  for (int i = 0; i < 64; ++i) same += memory[length - 1 - i] == memory[i];
  printf("all bytes are random: %s\n", same < 16 ? "yes" : "no");
  printf("getrandom to a bad address: %zd", getrandom(nowhere, length, 0));
  printf(" %s\n", strerrorname_np(errno));
  return 0;
}
