// pselect6 on pipes: ready or not, timeouts, masks, bad arguments, a writer in another thread.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

enum { words = 16 };
typedef unsigned long set[words];

struct mask {
  const void* address;
  size_t bytes;
};

// Prints the result, the members of the sets up to descriptor 15, and whether time is left.
static void print_select(const char* what, int count, const set reading, const set writing,
                         const set exceptional, struct timespec* timeout, struct mask* mask) {
  set sets[3] = {};
  const set* const given[] = {(const set*)reading, (const set*)writing, (const set*)exceptional};
  unsigned long* passed[3] = {};
  for (int i = 0; i < 3; ++i) {
    if (given[i] == NULL) continue;
    memcpy(sets[i], *given[i], sizeof(set));
    passed[i] = sets[i];
  }
  const long ready = syscall(SYS_pselect6, count, passed[0], passed[1], passed[2], timeout, mask);
  printf("%s: %ld %s:", what, ready, ready < 0 ? strerrorname_np(errno) : "ready");
  for (int i = 0; i < 3; ++i) printf(" %lx", sets[i][0]);
  if (timeout != NULL)
    printf(timeout->tv_sec > 0 || timeout->tv_nsec > 0 ? ", time left" : ", no time left");
  printf("\n");
}

static void* write_later(void* fd) {
  usleep(30000);
  return write(*(int*)fd, "late", 4) == 4 ? fd : NULL;
}

static volatile sig_atomic_t handled;
static void handle(int signal) {
  handled = signal;
}

static void masks(void) {
  sigset_t usr1, none;
  sigemptyset(&none);
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigaddset(&usr1, SIGUSR2);
  sigprocmask(SIG_SETMASK, &usr1, NULL);
  struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  struct timespec long_time = {.tv_sec = 100};
  struct mask mask = {&none, 8};
  print_select("a pending signal that the mask lets through", 0, NULL, NULL, NULL, &long_time,
               &mask);
  printf("it was handled: %d\n", handled == SIGUSR1);
  sigset_t after;
  sigprocmask(SIG_SETMASK, NULL, &after);
  printf("the mask is as before: %d\n", sigismember(&after, SIGUSR1));
  handled = 0;
  raise(SIGUSR1);
  mask.address = &usr1;
  struct timespec short_time = {.tv_nsec = 1000000};
  print_select("a pending signal that the mask blocks", 0, NULL, NULL, NULL, &short_time, &mask);
  printf("it was handled: %d\n", handled == SIGUSR1);
  mask.address = NULL;
  mask.bytes = 7;
  struct timespec zero = {0};
  print_select("no mask, of a wrong size", 0, NULL, NULL, NULL, &zero, &mask);
  mask.address = &none;
  print_select("a mask of a wrong size", 0, NULL, NULL, NULL, &zero, &mask);
  mask = (struct mask){(void*)8, 8};
  print_select("a mask that is nowhere", 0, NULL, NULL, NULL, &zero, &mask);
  print_select("an argument that is nowhere", 0, NULL, NULL, NULL, &zero, (void*)8);
  signal(SIGUSR1, SIG_IGN);
}

int main(void) {
  int a[2], b[2];
  if (pipe(a) || pipe(b)) return 1;  // 3 4, 5 6
  const set readers = {1 << 3 | 1 << 5}, writers = {1 << 4 | 1 << 6}, all = {0x78}, none = {};
  struct timespec zero = {0};
  print_select("empty pipes", 7, readers, writers, NULL, &zero, NULL);
  print_select("a smaller count", 6, readers, writers, NULL, &zero, NULL);
  print_select("count 0", 0, readers, writers, all, &zero, NULL);
  print_select("the wrong ends", 7, writers, readers, all, &zero, NULL);
  print_select("no sets", 7, NULL, NULL, NULL, &zero, NULL);
  print_select("a negative count", -1, readers, NULL, NULL, &zero, NULL);
  const set closed = {1 << 9};
  print_select("a closed descriptor", 16, closed, NULL, NULL, &zero, NULL);
  print_select("… above the count", 9, closed, NULL, NULL, &zero, NULL);
  print_select("… in the third set", 16, NULL, none, closed, &zero, NULL);
  const set* const nowhere = (const set*)8;
  printf("a set that is nowhere: %ld", syscall(SYS_pselect6, 4, nowhere, NULL, NULL, &zero, NULL));
  printf(" %s\n", strerrorname_np(errno));
  printf("… of no descriptors: %ld\n", syscall(SYS_pselect6, 0, nowhere, NULL, NULL, &zero, NULL));
  printf("a time that is nowhere: %ld", syscall(SYS_pselect6, 0, NULL, NULL, NULL, nowhere, NULL));
  printf(" %s\n", strerrorname_np(errno));
  struct timespec wrong = {.tv_nsec = 1000000000};
  print_select("too many nanoseconds", 0, NULL, NULL, NULL, &wrong, NULL);
  wrong = (struct timespec){.tv_sec = -1};
  printf("a negative time: %ld", syscall(SYS_pselect6, 0, NULL, NULL, NULL, &wrong, NULL));
  printf(" %s\n", strerrorname_np(errno));

  struct timespec some = {.tv_nsec = 20000000};
  print_select("the time passes", 7, readers, NULL, readers, &some, NULL);
  struct timespec much = {.tv_sec = 100};
  pthread_t thread;
  pthread_create(&thread, NULL, write_later, &b[1]);
  print_select("a thread writes", 7, readers, NULL, NULL, &much, NULL);
  pthread_join(thread, NULL);
  print_select("it has written", 7, readers, writers, all, NULL, NULL);
  close(a[1]);
  print_select("a pipe without writers", 4, readers, NULL, readers, &much, NULL);
  some.tv_nsec = 1000000;
  print_select("… in the third set alone", 4, NULL, NULL, readers, &some, NULL);
  close(b[0]);
  const set writer = {1 << 6};
  print_select("a pipe without readers", 7, NULL, writer, NULL, &much, NULL);
  print_select("… in the first set", 7, writer, NULL, NULL, &much, NULL);
  masks();

  const int high = fcntl(a[0], F_DUPFD, 700);
  set far = {};
  far[high / 64] = 1UL << high % 64;
  const long ready = syscall(SYS_pselect6, high + 1, far, NULL, NULL, NULL, NULL);
  printf("descriptor %d: %ld, %d\n", high, ready, far[high / 64] == 1UL << high % 64);
  return 0;
}
