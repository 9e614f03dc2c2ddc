// epoll: which events it reports, in which order, and what its calls refuse.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include "common.h"

enum { most = 16 };

static int watch(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(epoll, operation, fd, &event);
}
static int add(int epoll, int fd, uint32_t events) {
  return watch(epoll, EPOLL_CTL_ADD, fd, events, (uint64_t)events << 32 | 7);
}

static void print_events(uint32_t events) {
  static const struct {
    uint32_t bit;
    const char* name;
  } names[] = {{EPOLLIN, "IN"},          {EPOLLPRI, "PRI"},     {EPOLLOUT, "OUT"},
               {EPOLLERR, "ERR"},        {EPOLLHUP, "HUP"},     {EPOLLRDNORM, "RDNORM"},
               {EPOLLWRNORM, "WRNORM"},  {EPOLLRDHUP, "RDHUP"}, {EPOLLET, "ET"},
               {EPOLLONESHOT, "ONESHOT"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (events & names[i].bit) printf(" %s", names[i].name);
}
// Prints the events that are ready now.
static void take_some(const char* what, int epoll, int count) {
  struct epoll_event events[most] = {};
  const int ready = epoll_wait(epoll, events, count, 0);
  printf("%s: %s%d", what, ready < 0 ? strerrorname_np(errno) : "", ready);
  for (int i = 0; i < ready; ++i) {
    printf(" [%llx", (unsigned long long)events[i].data.u64);
    print_events(events[i].events);
    printf("]");
  }
  printf("\n");
  fflush(stdout);
}
static void take(const char* what, int epoll) {
  take_some(what, epoll, most);
}
static void count_up(int fd) {
  const uint64_t one = 1;
  if (write(fd, &one, sizeof one) != sizeof one) perror("write");
}
static void count_down(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) != sizeof count) perror("read");
}
static void put(int fd, int bytes) {
  for (int i = 0; i < bytes; ++i)
    if (write(fd, "x", 1) != 1) perror("write");
}
static void get(int fd, int bytes) {
  char buffer[64];
  if (read(fd, buffer, bytes) != bytes) perror("read");
}

static void refusals(void) {
  struct epoll_event event = {.events = EPOLLIN};
  void* volatile nowhere = (void*)8;
  void* volatile kernel = (void*)-4096;
  SAY(epoll_create1(1));
  SAY(epoll_create(0));
  SAY(epoll_create(-1));
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  SAY(fcntl(epoll, F_GETFD));
  SAY(fcntl(epoll, F_GETFL) & O_ACCMODE);
  int ends[2];
  pipe(ends);
  const int file = open("/proc/self/exe", O_RDONLY), folder = open("/", O_RDONLY);
  const int path = open("/", O_PATH), null = open("/dev/null", O_RDWR);
  SAY(add(epoll, file, EPOLLIN));
  SAY(add(epoll, folder, EPOLLIN));
  SAY(add(epoll, path, EPOLLIN));
  SAY(add(epoll, null, EPOLLIN));
  SAY(add(epoll, -1, EPOLLIN));
  SAY(add(epoll, 900, EPOLLIN));
  SAY(add(-1, ends[0], EPOLLIN));
  SAY(add(-1, file, EPOLLIN));
  SAY(add(ends[0], ends[1], EPOLLIN));
  SAY(add(ends[0], file, EPOLLIN));
  SAY(add(ends[0], ends[0], EPOLLIN));
  SAY(add(epoll, epoll, EPOLLIN));
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], NULL));
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], nowhere));
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, -1, nowhere));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, -1, NULL));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL));
  SAY(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &event));
  SAY(epoll_ctl(epoll, 0, ends[0], &event));
  SAY(epoll_ctl(epoll, 4, ends[0], &event));
  SAY(epoll_ctl(epoll, 4, ends[0], NULL));
  SAY(add(epoll, ends[0], EPOLLIN));
  SAY(add(epoll, ends[0], EPOLLIN));
  SAY(epoll_ctl(epoll, 4, ends[0], &event));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], nowhere));
  // EPOLLEXCLUSIVE
  SAY(add(epoll, ends[0], EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT));
  SAY(add(epoll, ends[0], EPOLLEXCLUSIVE | EPOLLIN | EPOLLRDHUP));
  SAY(add(epoll, ends[0], EPOLLEXCLUSIVE | EPOLLIN | EPOLLET | EPOLLWAKEUP));
  SAY(watch(epoll, EPOLL_CTL_MOD, ends[0], EPOLLIN, 0));
  SAY(watch(epoll, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
  SAY(watch(epoll, EPOLL_CTL_DEL, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
  SAY(add(epoll, ends[0], EPOLLIN));
  SAY(watch(epoll, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
  const int other = epoll_create1(0);
  SAY(add(epoll, other, EPOLLIN | EPOLLEXCLUSIVE));
  // Waits
  struct epoll_event events[2];
  volatile int negative = -1, many = INT32_MAX;
  SAY(epoll_wait(epoll, events, 0, 0));
  SAY(epoll_wait(epoll, events, negative, 0));
  SAY(epoll_wait(epoll, events, many, 0));
  SAY(epoll_wait(epoll, kernel, 1, 0));
  SAY(epoll_wait(-1, events, 1, 0));
  SAY(epoll_wait(ends[0], events, 1, 0));
  SAY(epoll_wait(path, events, 1, 0));
  SAY(epoll_wait(epoll, events, 1, 1));
  put(ends[1], 1);
  SAY(epoll_wait(epoll, nowhere, 1, 0));
  take("the event is still there", epoll);
  sigset_t none;
  sigemptyset(&none);
  SAY(syscall(SYS_epoll_pwait, epoll, events, 1, 0, &none, 4));
  SAY(syscall(SYS_epoll_pwait, epoll, events, 1, 0, nowhere, 8));
  SAY(syscall(SYS_epoll_pwait, epoll, events, 1, 0, NULL, 4));
  SAY(syscall(SYS_epoll_pwait, epoll, events, 1, 0, &none, 8));
  // As a file
  char byte;
  SAY(read(epoll, &byte, 1));
  SAY(read(epoll, &byte, 0));
  SAY(write(epoll, &byte, 1));
  SAY(lseek(epoll, 5, SEEK_SET));
  SAY(pread(epoll, &byte, 1, 0));
  SAY(ftruncate(epoll, 0));
  SAY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, epoll, 0) == MAP_FAILED ? -1 : 0);
  char name[64] = "", link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", epoll);
  SAY(readlink(link, name, sizeof name - 1));
  printf("%s\n", name);
}

static void level(void) {
  const int epoll = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
  SAY(add(epoll, fd, EPOLLIN));
  take("nothing", epoll);
  count_up(fd);
  take("once", epoll);
  take("again", epoll);
  count_down(fd);
  take("taken", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 99));
  take("room", epoll);
  count_up(fd);
  take("both", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, 0, 98));
  take("only errors", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN, 97));
  take("ready at once", epoll);
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
  take("removed", epoll);
  SAY(add(epoll, fd, EPOLLIN));
  take("added while it is ready", epoll);
  close(fd);
  take("closed", epoll);
  close(epoll);
}

static void edge(void) {
  const int epoll = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
  SAY(add(epoll, fd, EPOLLIN | EPOLLET));
  take("nothing", epoll);
  count_up(fd);
  take("an edge", epoll);
  take("none", epoll);
  count_up(fd);
  take("a second one", epoll);
  take("none", epoll);
  count_up(fd);
  count_up(fd);
  take("two as one", epoll);
  take("none", epoll);
  count_up(fd);
  count_down(fd);
  take("an edge that has gone", epoll);
  count_up(fd);
  take("an edge", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 5));
  take("a change shows it again", epoll);
  take("none", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLET, 6));
  take("both", epoll);
  count_down(fd);
  take("room by a read", epoll);
  count_up(fd);
  take("bytes by a write", epoll);
  close(fd);

  int ends[2];
  pipe2(ends, O_NONBLOCK);
  SAY(add(epoll, ends[0], EPOLLIN | EPOLLET));
  put(ends[1], 4);
  take("four bytes", epoll);
  get(ends[0], 2);
  take("two left", epoll);
  put(ends[1], 1);
  take("one more", epoll);
  close(ends[1]);
  take("no writer", epoll);
  take("none", epoll);
  get(ends[0], 3);
  take("empty", epoll);
  close(ends[0]);
  take("closed", epoll);
  close(epoll);
}

static void once(void) {
  const int epoll = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);
  SAY(add(epoll, fd, EPOLLIN | EPOLLONESHOT));
  count_up(fd);
  take("once", epoll);
  take("disabled", epoll);
  count_up(fd);
  take("disabled", epoll);
  SAY(add(epoll, fd, EPOLLIN));
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 1));
  take("enabled", epoll);
  take("disabled", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT | EPOLLET, 2));
  take("enabled", epoll);
  take("disabled", epoll);
  close(fd);
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  SAY(add(epoll, ends[0], EPOLLIN | EPOLLONESHOT));
  put(ends[1], 1);
  take("once", epoll);
  close(ends[1]);
  take("disabled for errors, too", epoll);
  SAY(watch(epoll, EPOLL_CTL_MOD, ends[0], EPOLLONESHOT, 3));
  take("enabled for errors", epoll);
  close(ends[0]);
  close(epoll);
}

static void pipes(void) {
  const int epoll = epoll_create1(0);
  int ends[2];
  pipe2(ends, O_NONBLOCK);
  const uint32_t all = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLRDNORM | EPOLLWRNORM;
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[0], all, 1));
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[1], all, 2));
  take("empty", epoll);
  put(ends[1], 1);
  take("a byte", epoll);
  while (write(ends[1], "xxxxxxxxxxxxxxxx", 16) == 16) {
  }
  take("full", epoll);
  get(ends[0], 64);
  take("64 bytes less", epoll);
  char page[4096];
  if (read(ends[0], page, sizeof page) < 0) perror("read");
  if (read(ends[0], page, sizeof page) < 0) perror("read");
  take("room", epoll);
  close(ends[0]);
  take("no reader", epoll);
  close(ends[1]);
  take("closed", epoll);
  pipe2(ends, O_NONBLOCK);
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[0], 0, 3));
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[1], EPOLLET, 4));
  take("nothing wanted", epoll);
  close(ends[1]);
  take("no writer", epoll);
  close(ends[0]);
  pipe2(ends, O_NONBLOCK);
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[1], 0, 5));
  close(ends[0]);
  take("no reader", epoll);
  close(ends[1]);
  close(epoll);
}

// Items that stay ready take turns.
static void turns(void) {
  const int epoll = epoll_create1(0);
  int fds[6];
  for (int i = 0; i < 6; ++i) {
    fds[i] = eventfd(0, 0);
    watch(epoll, EPOLL_CTL_ADD, fds[i], EPOLLIN | (i == 4 ? EPOLLET : 0), i);
  }
  static const int order[] = {3, 1, 5, 0, 4, 2};
  for (int i = 0; i < 6; ++i) count_up(fds[order[i]]);
  for (int i = 0; i < 5; ++i) take_some("two of six", epoll, 2);
  take("all", epoll);
  count_down(fds[5]);
  take_some("one is done", epoll, 4);
  take_some("the rest", epoll, 4);
  for (int i = 0; i < 6; ++i) close(fds[i]);
  take("none", epoll);
  close(epoll);
}

// What belongs to a file, and what to its descriptor.
static void duplicates(void) {
  const int epoll = epoll_create1(0), fd = eventfd(1, 0);
  const int second = dup(fd);
  SAY(watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
  SAY(watch(epoll, EPOLL_CTL_ADD, second, EPOLLIN, 2));
  take("both", epoll);
  close(fd);
  take("the file is still open", epoll);
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
  SAY(dup2(second, fd) == fd);
  SAY(watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 3));
  SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
  take("the second one", epoll);
  close(fd);
  close(second);
  take("closed", epoll);
  int ends[2];
  pipe(ends);
  put(ends[1], 1);
  SAY(watch(epoll, EPOLL_CTL_ADD, ends[0], EPOLLIN, 4));
  const int copy = dup(epoll);
  take("through a duplicate of the epoll file", copy);
  close(epoll);
  take("and again", copy);
  fflush(stdout);
  if (fork() == 0) {
    take("in a child", copy);
    SAY(epoll_ctl(copy, EPOLL_CTL_DEL, ends[0], NULL));
    _exit(0);
  }
  wait(NULL);
  take("which has removed it", copy);
  close(copy);
  close(ends[0]);
  close(ends[1]);
}

static void nesting(void) {
  int chain[8];
  for (int i = 0; i < 8; ++i) chain[i] = epoll_create1(0);
  const int fd = eventfd(0, 0);
  SAY(watch(chain[0], EPOLL_CTL_ADD, fd, EPOLLIN, 0));
  for (int i = 1; i < 5; ++i) SAY(watch(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, i));
  take("nothing", chain[4]);
  count_up(fd);
  for (int i = 4; i >= 0; --i) take("a chain", chain[i]);
  struct pollfd one = {.fd = chain[3], .events = POLLIN | POLLOUT};
  SAY(poll(&one, 1, 0));
  printf("%x\n", one.revents);
  count_down(fd);
  SAY(poll(&one, 1, 0));
  for (int i = 4; i >= 0; --i) take("nothing", chain[i]);
  SAY(watch(chain[0], EPOLL_CTL_ADD, chain[4], EPOLLIN, 0));
  SAY(watch(chain[0], EPOLL_CTL_ADD, chain[1], EPOLLIN, 0));
  SAY(watch(chain[2], EPOLL_CTL_ADD, chain[3], EPOLLIN, 0));
  count_up(fd);
  close(chain[0]);
  take("without the last one", chain[4]);
  SAY(epoll_ctl(chain[4], EPOLL_CTL_DEL, chain[3], NULL));
  SAY(watch(chain[1], EPOLL_CTL_ADD, chain[4], EPOLLIN, 0));
  for (int i = 1; i < 8; ++i) close(chain[i]);
  // An edge of a nested file
  const int outer = epoll_create1(0), inner = epoll_create1(0);
  SAY(watch(outer, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 1));
  SAY(watch(inner, EPOLL_CTL_ADD, fd, EPOLLIN, 2));
  take("an edge", outer);
  take("none", outer);
  take("the inner one", inner);
  take("none", outer);
  count_down(fd);
  take("the inner one", inner);
  count_up(fd);
  take("an edge", outer);
  close(inner);
  take("closed", outer);
  close(outer);
  close(fd);
}

struct waiter {
  int epoll, fd;
};
static void* count_later(void* argument) {
  usleep(20000);
  count_up(((struct waiter*)argument)->fd);
  return NULL;
}
static void* add_later(void* argument) {
  usleep(20000);
  const struct waiter* waiter = argument;
  watch(waiter->epoll, EPOLL_CTL_ADD, waiter->fd, EPOLLIN, 42);
  return NULL;
}
static void* change_later(void* argument) {
  usleep(20000);
  const struct waiter* waiter = argument;
  watch(waiter->epoll, EPOLL_CTL_MOD, waiter->fd, EPOLLIN, 43);
  return NULL;
}
static void wait_with(const char* what, struct waiter* waiter, void* (*other)(void*), int timeout) {
  pthread_t thread;
  struct epoll_event event = {};
  pthread_create(&thread, NULL, other, waiter);
  const int ready = epoll_wait(waiter->epoll, &event, 1, timeout);
  pthread_join(thread, NULL);
  printf("%s: %d %llx", what, ready, (unsigned long long)event.data.u64);
  print_events(event.events);
  printf("\n");
}
static long ms_since(const struct timespec* start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}
static void on_signal(int signal) {
  (void)signal;
}
// Again and again: on a busy host the first signal may come before the wait.
static pthread_t main_thread;
static atomic_int is_interrupted;
static void* interrupt(void* unused) {
  while (!is_interrupted) {
    usleep(20000);
    pthread_kill(main_thread, SIGALRM);
  }
  return unused;
}
static void waits(void) {
  struct waiter waiter = {.epoll = epoll_create1(0), .fd = eventfd(1, 0)};
  wait_with("added later", &waiter, add_later, -1);
  count_down(waiter.fd);
  watch(waiter.epoll, EPOLL_CTL_MOD, waiter.fd, EPOLLIN, 41);
  wait_with("written later", &waiter, count_later, 10000);
  watch(waiter.epoll, EPOLL_CTL_MOD, waiter.fd, 0, 41);
  wait_with("changed later", &waiter, change_later, -1);
  count_down(waiter.fd);
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  struct epoll_event event;
  SAY(epoll_wait(waiter.epoll, &event, 1, 50));
  printf("it has waited: %d\n", ms_since(&start) >= 50);
  // Signals
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  main_thread = pthread_self();
  for (int timeout = -1; timeout <= 10000; timeout += 10001) {
    is_interrupted = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, interrupt, NULL);
    SAY(epoll_wait(waiter.epoll, &event, 1, timeout));
    is_interrupted = 1;
    pthread_join(thread, NULL);
  }
  sigset_t blocked, none, now;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGALRM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  raise(SIGALRM);
  SAY(epoll_wait(waiter.epoll, &event, 1, 10));
  SAY(epoll_pwait(waiter.epoll, &event, 1, -1, &none));
  sigprocmask(SIG_BLOCK, NULL, &now);
  SAY(sigismember(&now, SIGALRM));
  raise(SIGALRM);
  count_up(waiter.fd);
  SAY(epoll_pwait(waiter.epoll, &event, 1, -1, &none));
  sigpending(&now);
  SAY(sigismember(&now, SIGALRM));
  count_down(waiter.fd);
  SAY(epoll_pwait(waiter.epoll, &event, 1, 0, &none));
  sigpending(&now);
  SAY(sigismember(&now, SIGALRM));
  close(waiter.fd);
  close(waiter.epoll);
}

// Edges of sockets: a read that leaves messages makes none.
static void sockets(void) {
  const int epoll = epoll_create1(0);
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (int i = 0; i < 3; ++i) {
    int ends[2];
    char byte;
    printf("type %d\n", types[i]);
    SAY(socketpair(AF_UNIX, types[i] | SOCK_NONBLOCK, 0, ends));
    SAY(add(epoll, ends[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
    take("room", epoll);
    put(ends[1], 3);
    take("three messages", epoll);
    SAY(recv(ends[0], &byte, 1, MSG_PEEK));
    take("a look", epoll);
    get(ends[0], 1);
    take("two left", epoll);
    put(ends[1], 1);
    take("one more", epoll);
    SAY(shutdown(ends[1], SHUT_WR));
    take("no more", epoll);
    close(ends[1]);
    take("the other end is closed", epoll);
    close(ends[0]);
    take("both are closed", epoll);
  }
  const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0epolls"};
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SAY(bind(listener, (const struct sockaddr*)&name, sizeof name));
  SAY(listen(listener, 4));
  SAY(add(epoll, listener, EPOLLIN | EPOLLET));
  take("nothing", epoll);
  int clients[3];
  for (int i = 0; i < 3; ++i) {
    clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    SAY(connect(clients[i], (const struct sockaddr*)&name, sizeof name));
    if (i != 1) take("a connection", epoll);
  }
  SAY(accept(listener, NULL, NULL) >= 0);
  take("two are left", epoll);
  for (int i = 0; i < 3; ++i) close(clients[i]);
  close(listener);
  close(epoll);
}

// epoll_pwait2, which the emulator does not have.
static void deadlines(void) {
  const int epoll = epoll_create1(0), fd = eventfd(0, 0);
  SAY(add(epoll, fd, EPOLLIN));
  struct epoll_event event;
  struct timespec start;
  void* volatile nowhere = (void*)8;
  struct timespec time = {.tv_nsec = 30000000};
  clock_gettime(CLOCK_MONOTONIC, &start);
  SAY(epoll_pwait2(epoll, &event, 1, &time, NULL));
  printf("it has waited: %d\n", ms_since(&start) >= 30);
  time.tv_nsec = 1000000000;
  SAY(epoll_pwait2(epoll, &event, 1, &time, NULL));
  time.tv_nsec = 0;
  SAY(epoll_pwait2(epoll, &event, 1, &time, NULL));
  time.tv_sec = -1;
  SAY(epoll_pwait2(epoll, &event, 1, &time, NULL));
  SAY(epoll_pwait2(epoll, &event, 1, nowhere, NULL));
  SAY(epoll_pwait2(epoll, &event, 1, NULL, nowhere));
  time.tv_sec = 0;
  SAY(epoll_pwait2(epoll, &event, 0, &time, NULL));
  count_up(fd);
  SAY(epoll_pwait2(epoll, &event, 1, NULL, NULL));
  time.tv_nsec = 1;
  SAY(epoll_pwait2(epoll, &event, 1, &time, NULL));
  // The address of the events is tested only when there are some.
  SAY(epoll_wait(epoll, nowhere, 1, 0));
  count_down(fd);
  SAY(epoll_wait(epoll, nowhere, 1, 0));
  close(fd);
  close(epoll);
}

// Several threads wait: each event wakes one of them.
static struct {
  int epoll, done;
  atomic_int taken;
} shared;
static void* take_one(void* unused) {
  (void)unused;
  struct epoll_event event;
  if (epoll_wait(shared.epoll, &event, 1, 10000) == 1) ++shared.taken;
  return NULL;
}
static void* take_until_done(void* unused) {
  (void)unused;
  for (;;) {
    struct epoll_event event;
    if (epoll_wait(shared.epoll, &event, 1, -1) != 1) return NULL;
    if (event.data.fd == shared.done) return NULL;
    count_down(event.data.fd);
    ++shared.taken;
    watch(shared.epoll, EPOLL_CTL_MOD, event.data.fd, EPOLLIN | EPOLLONESHOT, event.data.fd);
  }
}
static void threads(void) {
  enum { count = 4, rounds = 100 };
  pthread_t all[count];
  shared.epoll = epoll_create1(0);
  int fds[count];
  for (int i = 0; i < count; ++i) {
    fds[i] = eventfd(0, 0);
    watch(shared.epoll, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i);
    pthread_create(&all[i], NULL, take_one, NULL);
  }
  usleep(50000);
  for (int i = 0; i < count; ++i) {
    count_up(fds[i]);
    while (shared.taken != i + 1) usleep(1000);
    usleep(2000);
    printf("%d threads have an edge\n", shared.taken);
  }
  for (int i = 0; i < count; ++i) pthread_join(all[i], NULL);
  shared.taken = 0;
  shared.done = eventfd(0, 0);
  for (int i = 0; i < count; ++i) {
    count_down(fds[i]);
    watch(shared.epoll, EPOLL_CTL_MOD, fds[i], EPOLLIN | EPOLLONESHOT, fds[i]);
    pthread_create(&all[i], NULL, take_until_done, NULL);
  }
  for (int i = 0; i < rounds; ++i) {
    for (int j = 0; j < count; ++j) count_up(fds[j]);
    while (shared.taken < (i + 1) * count) usleep(100);
  }
  printf("%d events\n", shared.taken);
  watch(shared.epoll, EPOLL_CTL_ADD, shared.done, EPOLLIN, shared.done);
  count_up(shared.done);
  for (int i = 0; i < count; ++i) pthread_join(all[i], NULL);
  close(shared.epoll);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "deadlines") == 0) {
    deadlines();
    return 0;
  }
  refusals();
  level();
  edge();
  once();
  pipes();
  turns();
  duplicates();
  nesting();
  sockets();
  waits();
  threads();
  return 0;
}
