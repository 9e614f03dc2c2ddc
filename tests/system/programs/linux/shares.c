// clone(2): state that a child shares with its parent, and the end of that sharing at execve.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static char stack[64 << 10] __attribute__((aligned(16)));

static void run(int flags, int (*body)(void*), void* argument) {
  fflush(stdout);
  const int child = clone(body, stack + sizeof stack, flags | SIGCHLD, argument);
  if (child < 0) perror("clone"), exit(1);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) printf("the child: %#x\n", status);
}

static int start_another(void* path) {
  char* const arguments[] = {path, "nothing", NULL};
  execv("/proc/self/exe", arguments);
  _exit(1);
}
static int close_a_file(void* fd) {
  close(*(int*)fd);
  return 0;
}
static void files(char* path) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  run(CLONE_FILES, start_another, path);
  printf("after an execve: %d\n", fcntl(fd, F_GETFD));
  run(0, close_a_file, &fd);
  printf("closed in a copy: %d\n", fcntl(fd, F_GETFD));
  run(CLONE_FILES, close_a_file, &fd);
  printf("closed: %d\n", fcntl(fd, F_GETFD));
}

static int go_elsewhere(void* unused) {
  (void)unused;
  umask(07);
  return chdir("/tmp");
}
static void places(void) {
  char here[64];
  if (chdir("/")) perror("chdir");
  umask(022);
  for (int i = 0; i < 2; ++i) {
    run(i ? CLONE_FS : 0, go_elsewhere, NULL);
    const int mask = umask(022);
    printf("%s: %s, %03o\n", i ? "shared" : "copied", getcwd(here, sizeof here), mask);
  }
}

static int ignore(void* unused) {
  (void)unused;
  signal(SIGUSR1, SIG_IGN);
  return 0;
}
static int ignores(void) {
  struct sigaction action;
  sigaction(SIGUSR1, NULL, &action);
  return action.sa_handler == SIG_IGN;
}
static void signals(char* path) {
  run(CLONE_VM, ignore, NULL);
  printf("ignored in a copy: %d\n", ignores());
  run(CLONE_VM | CLONE_SIGHAND, ignore, NULL);
  printf("ignored: %d\n", ignores());
  signal(SIGUSR1, SIG_DFL);
  run(CLONE_VM | CLONE_VFORK | CLONE_SIGHAND, start_another, path);
  printf("after an execve: %d\n", ignores());
}

static int tell_schedule(void* unused) {
  (void)unused;
  struct sched_param param;
  sched_getparam(0, &param);
  printf("made: %#x, %d\n", sched_getscheduler(0), param.sched_priority);
  fflush(stdout);
  return 0;
}
static void schedules(void) {
  const struct sched_param none = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
  printf("itself: %#x\n", sched_getscheduler(0));
  run(0, tell_schedule, NULL);
  sched_setscheduler(0, SCHED_OTHER, &none);
  run(0, tell_schedule, NULL);

#define TRY(call) \
  (errno = 0, printf("%s: %s\n", #call, (call) < 0 && errno ? strerrorname_np(errno) : "ok"))
  const struct sched_param* const bad = (void*)8;
  TRY(sched_setscheduler(unknown_id, SCHED_OTHER, bad));
  TRY(sched_setscheduler(unknown_id, SCHED_OTHER, NULL));
  TRY(sched_setscheduler(unknown_id, SCHED_OTHER, &none));
  TRY(sched_getparam(unknown_id, NULL));
  TRY(getpriority(PRIO_PGRP, unknown_id));
  TRY(getpriority(PRIO_USER, unknown_id));
  TRY(setpriority(PRIO_PGRP, unknown_id, 5));
  TRY(getpriority(PRIO_PROCESS, 0));
}

static int sleep_shortly(void* unused) {
  (void)unused;
  const struct timespec short_time = {.tv_nsec = 1};
  for (int i = 0; i < 1000; ++i) nanosleep(&short_time, NULL);
  return 0;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "schedules";
  if (strcmp(what, "schedules") == 0) {
    schedules();
    run(0, sleep_shortly, NULL);
  } else if (strcmp(what, "parts") == 0) {
    files(argv[0]);
    places();
    signals(argv[0]);
  }
  return 0;
}
