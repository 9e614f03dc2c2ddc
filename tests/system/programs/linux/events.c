// Files that count events: eventfd and timerfd. Times are checked as ranges, because hosts are
// busy.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>

#include "common.h"

static void add(int fd, uint64_t count) {
  const ssize_t written = write(fd, &count, sizeof count);
  printf("  add %llu: %s\n", (unsigned long long)count,
         written < 0               ? strerrorname_np(errno)
         : written == sizeof count ? "ok"
                                   : "short");
}
static void take(int fd) {
  uint64_t count = 0;
  const ssize_t got = read(fd, &count, sizeof count);
  if (got == sizeof count) {
    printf("  take: %llu\n", (unsigned long long)count);
  } else {
    printf("  take: %s\n", got < 0 ? strerrorname_np(errno) : "short");
  }
}
static void look(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
  const int ready = poll(&one, 1, 0);
  printf("  poll: %d%s%s%s\n", ready, one.revents & POLLIN ? " in" : "",
         one.revents & POLLOUT ? " out" : "", one.revents & POLLERR ? " err" : "");
}

static void* take_later(void* fd) {
  uint64_t count;
  usleep(20000);
  return read(*(int*)fd, &count, sizeof count) == sizeof count ? fd : NULL;
}
static void* add_later(void* fd) {
  const uint64_t count = 3;
  usleep(20000);
  return write(*(int*)fd, &count, sizeof count) == sizeof count ? fd : NULL;
}

static void counters(void) {
  char bytes[64] = {};
  char* volatile nowhere = (char*)8;
  for (int semaphore = 0; semaphore < 2; ++semaphore) {
    printf("a %s of 2\n", semaphore ? "semaphore" : "counter");
    const int fd = eventfd(2, EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0));
    look(fd);
    take(fd);
    take(fd);
    take(fd);
    look(fd);
    add(fd, 0);
    look(fd);
    add(fd, 5);
    add(fd, 6);
    take(fd);
    add(fd, UINT64_MAX);
    add(fd, UINT64_MAX - 1);
    add(fd, UINT64_MAX - 20);
    look(fd);
    take(fd);
    SAY(read(fd, bytes, 7));
    SAY(read(fd, bytes, 0));
    SAY(write(fd, bytes, 7));
    SAY(write(fd, bytes, 0));
    SAY(write(fd, bytes, 16));
    add(fd, 1);
    SAY(read(fd, nowhere, 8));
    SAY(write(fd, nowhere, 8));
    SAY(pread(fd, bytes, 8, 0));
    SAY(ftruncate(fd, 0));
    SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
    close(fd);
  }
  SAY(eventfd(0, 2));
  const int closing = eventfd(0, EFD_CLOEXEC);
  SAY(fcntl(closing, F_GETFD));
  close(closing);

  int fd = eventfd(0, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, add_later, &fd);
  take(fd);  // waits
  pthread_join(thread, NULL);
  add(fd, UINT64_MAX - 1);
  look(fd);
  pthread_create(&thread, NULL, take_later, &fd);
  add(fd, 4);  // waits for room
  pthread_join(thread, NULL);
  take(fd);
  close(fd);
}

// A read to a wrong address takes the count on Linux, and leaves it in the emulator.
static void empty(int fd) {
  uint64_t count;
  while (read(fd, &count, sizeof count) > 0) continue;
}
// The eight bytes of a count may lie anywhere in memory, also in two pages.
static void places(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* const pages =
      mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 2 * page, page);
  const size_t at[] = {0, 1, 4, page - 8, page - 7, page - 4, page - 1, 2 * page - 8, 2 * page - 3};
  const int fd = eventfd(0, EFD_NONBLOCK);
  for (unsigned i = 0; i < sizeof at / sizeof *at; ++i) {
    const uint64_t given = 0x0102030405060700 + i;
    const int fits = at[i] + sizeof given <= 2 * page;
    printf("at %zu of the pages\n", at[i]);
    if (fits) memcpy(pages + at[i], &given, sizeof given);
    say("  write", write(fd, pages + at[i], sizeof given));
    if (!fits) add(fd, 1);
    uint64_t got = 0;
    say("  read", read(fd, pages + at[i], sizeof got));
    if (fits) memcpy(&got, pages + at[i], sizeof got);
    printf("  got %llx\n", (unsigned long long)got);
    empty(fd);
    look(fd);
  }
  add(fd, 3);
  mprotect(pages, page, PROT_READ);
  SAY(read(fd, pages, sizeof(uint64_t)));
  empty(fd);
  memset(pages + page, 0, 8);
  pages[page] = 9;
  SAY(write(fd, pages + page, sizeof(uint64_t)));
  take(fd);
  close(fd);
}

static long ms_since(const struct timespec* start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}
static void set(int fd, int flags, long left_ms, long interval_ms) {
  const struct itimerspec to = {
      .it_value = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000},
      .it_interval = {.tv_sec = interval_ms / 1000, .tv_nsec = interval_ms % 1000 * 1000000}};
  say("  set", timerfd_settime(fd, flags, &to, NULL));
}
static void show(int fd) {
  struct itimerspec now;
  if (timerfd_gettime(fd, &now) < 0) {
    say("  get", -1);
    return;
  }
  printf("  left: %s, every %ld ms\n",
         now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0 ? "nothing" : "some time",
         now.it_interval.tv_sec * 1000 + now.it_interval.tv_nsec / 1000000);
}

static void timers(void) {
  char bytes[64] = {};
  const int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
  for (int i = 0; i < 3; ++i) {
    printf("a timer of clock %d\n", clocks[i]);
    const int fd = timerfd_create(clocks[i], TFD_NONBLOCK);
    show(fd);
    look(fd);
    take(fd);
    set(fd, 0, 10000, 3000);
    show(fd);
    take(fd);
    set(fd, 0, 1, 0);
    usleep(30000);
    look(fd);
    show(fd);
    take(fd);
    take(fd);
    set(fd, TFD_TIMER_ABSTIME, 1, 0);
    usleep(1000);
    take(fd);
    set(fd, 0, 10, 10);
    usleep(100000);
    uint64_t count = 0;
    const ssize_t got = read(fd, &count, sizeof count);
    printf("  several at once: %s\n", got == 8 && count >= 9 && count < 1000 ? "ok" : "wrong");
    set(fd, 0, 0, 5);
    show(fd);
    take(fd);
    SAY(read(fd, bytes, 7));
    SAY(read(fd, bytes, 0));
    SAY(write(fd, bytes, 8));
    SAY(write(fd, bytes, 0));
    SAY(pread(fd, bytes, 8, 0));
    set(fd, 4, 1, 1);
    set(fd, 0, -1000, 0);
    SAY(timerfd_settime(fd, 0, (void*)8, NULL));
    close(fd);
  }
  SAY(timerfd_create(99, 0));
  SAY(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
  SAY(timerfd_create(CLOCK_MONOTONIC, 1));
  struct itimerspec now;
  SAY(timerfd_gettime(0, &now));
  SAY(timerfd_gettime(-1, &now));

  const int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  set(fd, 0, 50, 0);
  take(fd);  // waits
  printf("  it has waited: %d\n", ms_since(&start) >= 50);
  close(fd);
}

static void show_name(int fd) {
  char path[32], name[64] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (readlink(path, name, sizeof name - 1) < 0) perror(path);
  printf("name: %s\n", name);
  close(fd);
}

int main(void) {
  show_name(eventfd(0, 0));
  show_name(timerfd_create(CLOCK_MONOTONIC, 0));
  counters();
  places();
  timers();
  return 0;
}
