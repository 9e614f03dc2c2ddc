// System calls that move many bytes work in steps: other threads run during such a call.
//
// long_calls         prints how many bytes each call moves
// long_calls others  also prints whether another thread ran during each call
//
// The second form needs one hart and a machine that counts instructions: a busy host may delay a
// timer for longer than a call takes.
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
#include <time.h>
#include <unistd.h>

enum { length = 24 << 20 };

static atomic_long rounds;  // of the other thread

static _Noreturn void* count_rounds(void* unused) {
  (void)unused;
  for (;;) {
    struct timespec a_moment = {.tv_nsec = 100000};
    nanosleep(&a_moment, NULL);
    ++rounds;
  }
}

static void* new_memory(int flags) {
  return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

// Two rounds do not count: one may end just after `before` was read, and one just after the call.
#define LONG_CALL(name, call)                                                                  \
  do {                                                                                         \
    const long before = rounds;                                                                \
    const long moved = (call);                                                                 \
    const int others = rounds - before > 2;                                                    \
    printf("%s: %ld bytes", name, moved);                                                      \
    if (reports_others) printf(", %s", others ? "another thread ran" : "no other thread ran"); \
    printf("\n");                                                                              \
  } while (0)

int main(int argc, char** argv) {
  const int reports_others = argc > 1 && strcmp(argv[1], "others") == 0;
  pthread_t thread;
  pthread_create(&thread, NULL, count_rounds, NULL);
  while (rounds == 0) sched_yield();

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
  const long got = pread(file, &last, 1, 3 + length - 1);
  printf("the last byte: %ld %c\n", got, last);
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
