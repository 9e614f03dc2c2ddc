// System calls that move a great deal go in steps: other threads run while one is in such a call.
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

static void begin(void) {
  turns_before = turns;
}

// Elsewhere it is up to who else uses the machine; this has to come out. One turn may have come
// just before the call, and one just after it. What moves less may be over too soon.
static void end(const char* call, long moved) {
  const long meanwhile = turns - turns_before;
  printf("%s: %ld bytes, %s\n", call, moved,
         meanwhile > 2 || moved < (long)length || !on_cotrap() ? "others had their turn"
                                                               : "nobody else ran");
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, count_turns, NULL);
  while (turns == 0) sched_yield();

  char* memory = new_memory(0);
  int zeros = open("/dev/zero", O_RDWR);
  begin();
  end("pread64", pread(zeros, memory, length, 0));
  munmap(memory, length);

  memory = new_memory(0);
  struct iovec parts[] = {{memory, length / 2}, {memory + length / 2, length / 2}};
  begin();
  end("readv", readv(zeros, parts, 2));

  char path[] = "/tmp/long-XXXXXX";
  int file = mkstemp(path);
  unlink(path);
  memory[length - 1] = 'x';
  begin();
  end("pwrite64", pwrite(file, memory, length, 3));
  char last = 0;
  printf("the last byte: %zd %c\n", pread(file, &last, 1, 3 + length - 1), last);
  begin();
  end("pread64 past the end", pread(file, memory, length, length / 2));
  printf("pread64 of nothing: %zd\n", pread(file, memory, length, 2 * length));
  char* volatile nowhere = (char*)16;
  printf("pread64 to nowhere: %zd", pread(file, nowhere, length, 0));
  printf(" %s\n", strerrorname_np(errno));
  close(file);
  munmap(memory, length);

  begin();
  memory = new_memory(MAP_POPULATE);
  end("mmap with MAP_POPULATE", memory != MAP_FAILED ? length : -1);

  begin();
  end("getrandom", getrandom(memory, length, 0));
  int same = 0;
  for (int i = 0; i < 64; ++i) same += memory[length - 1 - i] == memory[i];
  printf("random from one end to the other: %s\n", same < 16 ? "yes" : "no");
  printf("getrandom to nowhere: %zd", getrandom(nowhere, length, 0));
  printf(" %s\n", strerrorname_np(errno));
  return 0;
}
