// POSIX message queues. An argument chooses a group: `calls`, `waits` or `notices`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static mqd_t queue;
static char text[9000];

static void show(const char* when) {
  struct mq_attr attributes = {0};
  if (mq_getattr(queue, &attributes) < 0) {
    printf("  %s: %s\n", when, strerrorname_np(errno));
    return;
  }
  printf("  %s: %ld of %ld messages of %ld bytes, flags %lx\n", when, attributes.mq_curmsgs,
         attributes.mq_maxmsg, attributes.mq_msgsize, (unsigned long)attributes.mq_flags);
}
static void put(const char* what, unsigned priority) {
  say(what, mq_send(queue, what, strlen(what) + 1, priority));
}
static void get(void) {
  unsigned priority = 99;
  const ssize_t length = mq_receive(queue, text, sizeof text, &priority);
  if (length < 0) {
    printf("  %s\n", strerrorname_np(errno));
  } else {
    printf("  %zd bytes of priority %u: %.40s\n", length, priority, text);
  }
  fflush(stdout);
}
static struct timespec in_milliseconds(long length) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  time.tv_nsec += length * 1000000;
  while (time.tv_nsec >= 1000000000) {
    time.tv_nsec -= 1000000000;
    ++time.tv_sec;
  }
  return time;
}
static mqd_t make(const char* name, int flags, long messages, long bytes) {
  struct mq_attr attributes = {.mq_maxmsg = messages, .mq_msgsize = bytes};
  return mq_open(name, flags, 0600, &attributes);
}

static void calls(void) {
  SAY(mq_open("/none", O_RDWR));
  SAY(mq_open("none", O_RDWR));
  SAY(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
  SAY(syscall(SYS_mq_open, "a/b", O_RDWR | O_CREAT, 0600, NULL));
  SAY(syscall(SYS_mq_open, "..", O_RDWR | O_CREAT, 0600, NULL));
  SAY(syscall(SYS_mq_open, (char*)8, O_RDWR | O_CREAT, 0600, NULL));
  SAY(syscall(SYS_mq_open, "x", O_RDWR | O_CREAT, 0600, (void*)8));
  memset(text, 'n', 300);
  SAY(syscall(SYS_mq_open, text, O_RDWR | O_CREAT, 0600, NULL));
  text[255] = 0;
  SAY(syscall(SYS_mq_open, text, O_RDWR, 0600, NULL));
  SAY(make("/q", O_CREAT | O_RDWR, 0, 10));
  SAY(make("/q", O_CREAT | O_RDWR, 10, 0));
  SAY(make("/q", O_CREAT | O_RDWR, -1, 10));
  SAY(make("/q", O_CREAT | O_RDWR, 65537, 10));
  SAY(make("/q", O_CREAT | O_RDWR, 10, 1 << 30));
  SAY(make("/q", O_CREAT | O_RDWR, 65536, 1000));
  queue = make("/q", O_CREAT | O_RDWR | O_NONBLOCK, 4, 100);
  SAY(queue < 0 ? -1 : 0);
  show("new");
  SAY(fcntl(queue, F_GETFD));
  SAY(make("/q", O_CREAT | O_EXCL | O_RDWR, 4, 100));
  SAY(mq_open("/q", O_RDWR | O_WRONLY));
  put("one", 1);
  put("two", 2);
  put("another one", 1);
  put("highest", 32767);
  put("too high", 32768);
  put("too many", 0);
  SAY(mq_send(queue, text, 101, 0));
  show("full");
  SAY(mq_receive(queue, text, 99, NULL));
  get();
  get();
  get();
  SAY(mq_send(queue, text, 0, 0));
  get();
  get();
  get();
  put("lost", 0);
  SAY(mq_receive(queue, (char*)8, 100, NULL));
  show("empty");
  SAY(mq_send(queue, (char*)8, 1, 0));
  const struct timespec bad = {0, 1000000000};
  SAY(mq_timedsend(queue, text, 1, 40000, &bad));
  SAY(mq_timedreceive(-1, text, 1, NULL, &bad));
  SAY(syscall(SYS_mq_timedreceive, queue, text, 100, NULL, (void*)8));
  struct mq_attr attributes = {.mq_flags = O_APPEND};
  SAY(mq_setattr(queue, &attributes, NULL));
  attributes.mq_flags = 0;
  struct mq_attr before;
  SAY(mq_setattr(queue, &attributes, &before));
  printf("  it had %lx\n", (unsigned long)before.mq_flags);
  show("blocking");
  SAY(syscall(SYS_mq_getsetattr, queue, NULL, (void*)8));
  SAY(mq_getattr(-1, &attributes));
  SAY(mq_getattr(STDOUT_FILENO, &attributes));
  SAY(mq_send(STDOUT_FILENO, text, 1, 0));
  const mqd_t reader = mq_open("/q", O_RDONLY), writer = mq_open("/q", O_WRONLY);
  SAY(mq_send(reader, text, 1, 0));
  SAY(mq_receive(writer, text, sizeof text, NULL));
  struct pollfd both[] = {{reader, POLLIN | POLLOUT, 0}, {writer, POLLIN | POLLOUT, 0}};
  SAY(poll(both, 2, 0));
  printf("  %x %x\n", both[0].revents, both[1].revents);
  put("some", 0);
  SAY(poll(both, 2, 0));
  printf("  %x %x\n", both[0].revents, both[1].revents);
  memset(text, 0, sizeof text);
  SAY(read(reader, text, sizeof text));
  printf("  %s", text);
  SAY(read(reader, text, sizeof text));
  SAY(read(writer, text, sizeof text));
  SAY(write(writer, text, 1));
  struct stat status;
  SAY(fstat(queue, &status));
  printf("  mode %o, %ld bytes, %lu names\n", status.st_mode, (long)status.st_size,
         (unsigned long)status.st_nlink);
  SAY(mq_unlink("/q"));
  SAY(mq_unlink("/q"));
  SAY(mq_open("/q", O_RDWR));
  get();
  SAY(fstat(queue, &status));
  printf("  %lu names\n", (unsigned long)status.st_nlink);
  mq_close(reader);
  mq_close(writer);
  mq_close(queue);
  // RLIMIT_MSGQUEUE counts the bytes of all queues.
  struct rlimit limit;
  SAY(getrlimit(RLIMIT_MSGQUEUE, &limit));
  printf("  %lu %lu\n", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
  char name[8];
  int made = 0;
  for (; made < 20; ++made) {
    snprintf(name, sizeof name, "/l%d", made);
    if (mq_open(name, O_CREAT | O_RDWR, 0600, NULL) < 0) break;
  }
  printf("  %d queues, then %s\n", made, strerrorname_np(errno));
  while (made > 0) {
    snprintf(name, sizeof name, "/l%d", --made);
    mq_unlink(name);
  }
}

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  printf("  signal %d, code %d, value %d, %s\n", number, info->si_code, info->si_value.sival_int,
         info->si_pid == getpid() ? "mine" : "another's");
  fflush(stdout);
}
static void quietly(int number) {
  (void)number;
}
static pid_t later(void (*life)(void)) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    usleep(50000);
    life();
    fflush(stdout);
    _exit(0);
  }
  return child;
}
static void send_one(void) {
  mq_send(queue, "of the child", 13, 5);
}
static void take_one(void) {
  mq_receive(queue, text, sizeof text, NULL);
}
static void signal_parent(void) {
  kill(getppid(), SIGUSR1);
}
static void signal_and_send(void) {
  kill(getppid(), SIGUSR1);
  usleep(50000);
  send_one();
}

static void waits(void) {
  queue = make("/w", O_CREAT | O_RDWR, 1, 100);
  struct timespec deadline = in_milliseconds(20);
  SAY(mq_timedreceive(queue, text, sizeof text, NULL, &deadline));
  deadline = (struct timespec){0, 0};
  SAY(mq_timedreceive(queue, text, sizeof text, NULL, &deadline));
  pid_t child = later(send_one);
  get();
  waitpid(child, NULL, 0);
  put("first", 1);
  deadline = in_milliseconds(20);
  SAY(mq_timedsend(queue, "x", 2, 0, &deadline));
  child = later(take_one);
  put("second", 2);
  waitpid(child, NULL, 0);
  get();
  struct sigaction action = {.sa_handler = quietly};
  sigaction(SIGUSR1, &action, NULL);
  child = later(signal_parent);
  get();
  waitpid(child, NULL, 0);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  child = later(signal_and_send);
  get();
  waitpid(child, NULL, 0);
  child = later(send_one);
  struct pollfd one = {queue, POLLIN, 0};
  SAY(poll(&one, 1, 5000));
  waitpid(child, NULL, 0);
  get();
  mq_unlink("/w");
}

static void register_in_child(void) {
  const struct sigevent none = {.sigev_notify = SIGEV_NONE};
  SAY(mq_notify(queue, &none));
  SAY(mq_notify(queue, NULL));
}

static void notices(void) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  queue = make("/n", O_CREAT | O_RDWR | O_NONBLOCK, 4, 100);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  event.sigev_value.sival_int = 77;
  SAY(mq_notify(queue, &event));
  SAY(mq_notify(queue, &event));
  pid_t child = later(register_in_child);
  waitpid(child, NULL, 0);
  put("one", 0);
  put("two", 0);
  SAY(mq_notify(queue, &event));
  put("three", 0);
  get();
  get();
  get();
  child = later(send_one);
  waitpid(child, NULL, 0);
  get();
  SAY(mq_notify(queue, &event));
  SAY(mq_notify(queue, NULL));
  put("unseen", 0);
  get();
  event.sigev_signo = 65;
  SAY(mq_notify(queue, &event));
  event.sigev_notify = 7;
  SAY(mq_notify(queue, &event));
  SAY(mq_notify(-1, NULL));
  SAY(mq_notify(STDOUT_FILENO, NULL));
  SAY(syscall(SYS_mq_notify, queue, (void*)8));
  child = later(register_in_child);
  waitpid(child, NULL, 0);
  mq_unlink("/n");
}

int main(int argc, char** argv) {
  const char* const group = argc > 1 ? argv[1] : "";
  if (strcmp(group, "calls") == 0) calls();
  if (strcmp(group, "waits") == 0) waits();
  if (strcmp(group, "notices") == 0) notices();
  return 0;
}
