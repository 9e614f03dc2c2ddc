// signalfd: signals that a program reads.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "common.h"

static int file_of(int fd, int flags, int first, int second) {
  sigset_t set;
  sigemptyset(&set);
  if (first != 0) sigaddset(&set, first);
  if (second != 0) sigaddset(&set, second);
  return signalfd(fd, &set, flags);
}
static void block(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, NULL);
}
static void print_info(const struct signalfd_siginfo* info) {
  printf(" [%u code %d errno %d", info->ssi_signo, info->ssi_code, info->ssi_errno);
  if (info->ssi_pid != 0) printf(" pid %s", info->ssi_pid == (uint32_t)getpid() ? "own" : "other");
  printf(" uid %u status %d int %d ptr %llx overrun %u]", info->ssi_uid, info->ssi_status,
         info->ssi_int, (unsigned long long)info->ssi_ptr, info->ssi_overrun);
}
static void take(const char* what, int fd, int count) {
  struct signalfd_siginfo infos[8] = {};
  const ssize_t got = read(fd, infos, count * sizeof *infos);
  printf("%s:", what);
  if (got < 0) printf(" %s", strerrorname_np(errno));
  for (ssize_t i = 0; i < got / (ssize_t)sizeof *infos; ++i) print_info(&infos[i]);
  printf("\n");
  fflush(stdout);
}
static void look(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};
  const int ready = poll(&one, 1, 0);
  printf("poll: %d %x\n", ready, one.revents);
}

static void refusals(void) {
  sigset_t set;
  sigemptyset(&set);
  char bytes[256];
  void* volatile nowhere = (void*)8;
  SAY(file_of(-1, 1, SIGUSR1, 0));
  SAY(file_of(-2, 0, SIGUSR1, 0));
  SAY(file_of(99, 0, SIGUSR1, 0));
  SAY(file_of(0, 0, SIGUSR1, 0));
  SAY(syscall(SYS_signalfd4, -1, NULL, 8, 0));
  SAY(syscall(SYS_signalfd4, -1, nowhere, 4, 1));
  const int fd = file_of(-1, SFD_NONBLOCK | SFD_CLOEXEC, SIGUSR1, SIGKILL);
  SAY(fcntl(fd, F_GETFD));
  SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
  SAY(read(fd, bytes, 127));
  SAY(read(fd, bytes, 0));
  SAY(read(fd, bytes, 128));
  SAY(write(fd, bytes, 128));
  SAY(lseek(fd, 0, SEEK_SET));
  SAY(pread(fd, bytes, 128, 0));
  SAY(file_of(fd, 0, SIGUSR2, 0) == fd);
  SAY(fcntl(fd, F_GETFL) & O_NONBLOCK);
  char link[32], name[64] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  SAY(readlink(link, name, sizeof name - 1));
  printf("%s\n", name);
  close(fd);
}

static void signals(void) {
  block(SIGUSR1);
  block(SIGUSR2);
  block(SIGRTMIN);
  block(SIGCHLD);
  const int fd = file_of(-1, SFD_NONBLOCK, SIGUSR1, SIGRTMIN);
  look(fd);
  take("nothing", fd, 1);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  look(fd);
  take("once", fd, 4);
  look(fd);
  raise(SIGUSR1);
  take("to the thread", fd, 1);
  const union sigval value = {.sival_ptr = (void*)0x1234567890};
  sigqueue(getpid(), SIGRTMIN, value);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
  take("two", fd, 2);
  take("the rest", fd, 8);
  look(fd);
  file_of(fd, 0, SIGUSR2, 0);
  look(fd);
  take("another set", fd, 8);
  kill(getpid(), SIGUSR1);
  look(fd);
  sigset_t pending;
  sigpending(&pending);
  SAY(sigismember(&pending, SIGUSR1));
  file_of(fd, 0, SIGUSR1, 0);
  void* volatile nowhere = (void*)8;
  SAY(read(fd, nowhere, 128));
  close(fd);

  const int children = file_of(-1, 0, SIGCHLD, 0);
  for (int i = 0; i < 2; ++i) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      if (i == 0) _exit(3);
      kill(getpid(), SIGKILL);
    }
    take("a child", children, 1);
    waitpid(child, NULL, 0);
  }
  file_of(children, 0, SIGRTMIN, 0);
  timer_t timer;
  timer_create(
      CLOCK_MONOTONIC,
      &(struct sigevent){
          .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 5},
      &timer);
  timer_settime(timer, 0, &(struct itimerspec){.it_value.tv_nsec = 10000000}, NULL);
  take("a timer", children, 1);
  close(children);
}

static void* kill_later(void* unused) {
  (void)unused;
  usleep(20000);
  kill(getpid(), SIGUSR2);
  return NULL;
}
static void* read_one(void* fd) {
  struct signalfd_siginfo info;
  return (void*)(intptr_t)(read(*(int*)fd, &info, sizeof info) == sizeof info);
}
static void waits(void) {
  int fd = file_of(-1, 0, SIGUSR2, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, kill_later, NULL);
  take("a read that waits", fd, 1);
  pthread_join(thread, NULL);
  pthread_create(&thread, NULL, kill_later, NULL);
  struct pollfd one = {.fd = fd, .events = POLLIN};
  SAY(poll(&one, 1, -1));
  pthread_join(thread, NULL);
  take("after the poll", fd, 1);
  const int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
  SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
  SAY(epoll_wait(epoll, &event, 1, 10));
  pthread_create(&thread, NULL, kill_later, NULL);
  SAY(epoll_wait(epoll, &event, 1, -1));
  pthread_join(thread, NULL);
  SAY(event.data.u64);
  SAY(epoll_wait(epoll, &event, 1, 0));
  take("after the wait", fd, 1);
  SAY(epoll_wait(epoll, &event, 1, 0));
  // Several readers, a signal for each
  pthread_t readers[3];
  for (int i = 0; i < 3; ++i) pthread_create(&readers[i], NULL, read_one, &fd);
  long sum = 0;
  for (int i = 0; i < 3; ++i) {
    usleep(20000);
    kill(getpid(), SIGUSR2);
  }
  for (int i = 0; i < 3; ++i) {
    void* has_read;
    pthread_join(readers[i], &has_read);
    sum += (intptr_t)has_read;
  }
  printf("%ld threads have read\n", sum);
  fflush(stdout);
  if (fork() == 0) {  // the child reads its own signals
    kill(getppid(), SIGUSR2);
    struct pollfd in_child = {.fd = fd, .events = POLLIN};
    SAY(poll(&in_child, 1, 0));
    raise(SIGUSR2);
    take("in a child", fd, 1);
    _exit(0);
  }
  wait(NULL);
  take("in the parent", fd, 1);
  close(epoll);
  close(fd);
}

int main(void) {
  refusals();
  signals();
  run_child(waits);  // the first process gets no signals of its children
  return 0;
}
