// Calls about processes that the emulator answers otherwise than Linux. The argument names a part:
// `settings` is prctl, `waits` is waitid, `clones` is clone3, `times` is times, and `users` is the
// IDs.
#define _GNU_SOURCE
#include "common.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>

// ── prctl ──

static char name_of_child[16];

static void* name_thread(void* mutex) {
  char name[16];
  prctl(PR_GET_NAME, name);
  printf("a thread has the name of its creator: %s\n", name);
  prctl(PR_SET_NAME, "thread");
  prctl(PR_GET_NAME, name);
  printf("its own name: %s\n", name);
  (void)mutex;
  return NULL;
}

static void say_child_name(void) {
  prctl(PR_GET_NAME, name_of_child);
  printf("a child has the name of its parent: %s\n", name_of_child);
}

static void names(void) {
  char name[17];
  memset(name, 'x', sizeof name);
  SAY(prctl(PR_GET_NAME, name));
  printf("name: %s, and behind it %c\n", name, name[16]);
  SAY(prctl(PR_SET_NAME, "a name that is far too long"));
  SAY(prctl(PR_GET_NAME, name));
  printf("name: %s\n", name);
  SAY(prctl(PR_SET_NAME, "short"));
  SAY(prctl(PR_GET_NAME, name));
  printf("name: %s, zeros behind it: %d\n", name, name[8] == 0 && name[15] == 0);
  SAY(prctl(PR_SET_NAME, ""));
  SAY(prctl(PR_GET_NAME, name));
  printf("name: \"%s\"\n", name);
  SAY(prctl(PR_SET_NAME, 8));
  SAY(prctl(PR_GET_NAME, 8));
  SAY(prctl(PR_SET_NAME, "main"));
  run_child(say_child_name);
  pthread_t thread;
  pthread_create(&thread, NULL, name_thread, NULL);
  pthread_join(thread, NULL);
  prctl(PR_GET_NAME, name);
  printf("the first thread keeps its name: %s\n", name);
}

static void say_inherited(void) {
  int number = -1;
  SAY(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SAY(prctl(PR_GET_PDEATHSIG, &number));
  printf("death signal: %d\n", number);
  SAY(prctl(PR_GET_CHILD_SUBREAPER, &number));
  printf("subreaper: %d\n", number);
}

static void settings(void) {
  int number = -1;
  names();
  SAY(prctl(PR_GET_PDEATHSIG, &number));
  printf("death signal: %d\n", number);
  SAY(prctl(PR_SET_PDEATHSIG, 65));
  SAY(prctl(PR_SET_PDEATHSIG, -1));
  SAY(prctl(PR_SET_PDEATHSIG, 64));
  SAY(prctl(PR_GET_PDEATHSIG, &number));
  printf("death signal: %d\n", number);
  SAY(prctl(PR_GET_PDEATHSIG, 8));
  SAY(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  SAY(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
  SAY(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  SAY(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SAY(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 1, 0));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1));
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  SAY(prctl(PR_SET_CHILD_SUBREAPER, 1));
  SAY(prctl(PR_GET_CHILD_SUBREAPER, &number));
  printf("subreaper: %d\n", number);
  SAY(prctl(PR_GET_CHILD_SUBREAPER, 8));
  printf("what a child inherits:\n");
  run_child(say_inherited);
  SAY(prctl(PR_SET_CHILD_SUBREAPER, 0));
  SAY(prctl(12345, 0, 0, 0, 0));
  SAY(prctl(-1, 0, 0, 0, 0));
  SAY(prctl(0, 0, 0, 0, 0));
}

// ── Orphans ──

static int said[2];

// A child whose own child outlives it.
static void leave_orphan(int signal) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t parent = getpid();
    if (fork() == 0) {
      if (signal != 0) prctl(PR_SET_PDEATHSIG, signal);
      if (write(said[1], "x", 1) != 1) _exit(9);
      while (getppid() == parent) usleep(1000);
      _exit(7);
    }
    char byte;
    if (read(said[0], &byte, 1) != 1) _exit(9);
    _exit(0);
  }
  int status = -1;
  const pid_t first = waitpid(child, &status, 0);
  printf("the child: %d, status %x\n", first == child, status);
}

static void orphans(void) {
  if (pipe(said) != 0) return;
  int status = 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  leave_orphan(0);
  const pid_t second = wait(&status);
  printf("its orphan: %d, status %x\n", second > 0, status);
  leave_orphan(SIGUSR1);
  const pid_t third = wait(&status);
  printf("one with a death signal: %d, status %x\n", third > 0, status);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  leave_orphan(0);
  say("without a subreaper", wait(&status));
}

// ── waitid ──

static siginfo_t info;

static void say_info(const char* what, long answer, pid_t child) {
  if (answer < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s: %ld, signal %d, error %d, code %d, the child %d, user %d, status %d\n", what, answer,
         info.si_signo, info.si_errno, info.si_code, info.si_pid == child, info.si_uid,
         info.si_status);
  memset(&info, -1, sizeof info);
}
#define SAY_INFO(call) say_info(#call, call, child)

static pid_t child_that(int code, int signal) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (signal != 0) raise(signal);
    _exit(code);
  }
  return child;
}

static long raw_waitid(int which, int id, void* to, int options, struct rusage* usage) {
  return syscall(SYS_waitid, which, id, to, options, usage);
}

static void waits(void) {
  pid_t child = 0;
  SAY(waitid(P_ALL, 0, &info, WEXITED));
  SAY(waitid(P_PID, getpid(), &info, WEXITED));
  child = child_that(3, 0);
  SAY_INFO(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
  SAY_INFO(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
  SAY_INFO(waitid(P_PID, child, &info, WEXITED | WNOHANG));
  SAY_INFO(waitid(P_PID, child, &info, WEXITED));
  child = child_that(0, SIGTERM);
  SAY_INFO(waitid(P_ALL, 12345, &info, WEXITED));
  child = child_that(0, SIGKILL);
  say_info("without a structure", waitid(P_PID, child, NULL, WEXITED), child);
  child = child_that(255, 0);
  struct rusage usage;
  memset(&usage, -1, sizeof usage);
  say_info("with the usage", raw_waitid(P_PID, child, &info, WEXITED, &usage), child);
  printf("the usage: %d\n", usage.ru_utime.tv_sec == 0 && usage.ru_stime.tv_sec == 0);

  fflush(stdout);
  child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  SAY_INFO(waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
  SAY_INFO(waitid(P_PID, child, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG));
  SAY_INFO(waitid(P_PID, child, &info, WSTOPPED | WNOHANG));
  SAY(waitid(P_PID, child, &info, WNOHANG));
  SAY(waitid(P_PID, child, &info, 0));
  SAY(waitid(P_PID, child, &info, WEXITED | 0x40));
  SAY(waitid(P_PID, 0, &info, WEXITED));
  SAY(waitid(P_PID, -1, &info, WEXITED));
  SAY(waitid(P_PID, 1 << 30, &info, WEXITED));
  SAY(waitid(P_PGID, -1, &info, WEXITED));
  SAY(waitid(4, 0, &info, WEXITED));
  SAY(waitid(-1, 0, &info, WEXITED));
  SAY(waitid(P_PIDFD, -1, &info, WEXITED));
  SAY(waitid(P_PIDFD, 1, &info, WEXITED));
  SAY(waitid(P_PIDFD, 99, &info, WEXITED));
  say("nowhere, without a child", raw_waitid(P_PID, child, (void*)8, WEXITED | WNOHANG, NULL));
  kill(child, SIGKILL);
  SAY_INFO(waitid(P_PGID, 0, &info, WEXITED));
  SAY(waitid(P_PID, child, &info, WEXITED));
  child = child_that(1, 0);
  SAY_INFO(waitid(P_PID, child, &info, WEXITED | __WALL | __WNOTHREAD));
}

// ── clone3 ──

static long clone3(struct clone_args* arguments, size_t size) {
  return syscall(SYS_clone3, arguments, size);
}

// The arguments of a clone3, with room for what the kernel does not know.
struct long_arguments {
  struct clone_args known;
  char more[128];
};

static void refuse(const char* what, struct clone_args arguments, size_t size) {
  const long answer = clone3(&arguments, size);
  if (answer == 0) _exit(0);
  say(what, answer);
}

static void clones(void) {
  const size_t whole = sizeof(struct clone_args);
  const struct clone_args plain = {.exit_signal = SIGCHLD};
  fflush(stdout);
  struct clone_args arguments = plain;
  pid_t child = (pid_t)clone3(&arguments, whole);
  if (child == 0) _exit(5);
  int status = 0;
  printf("a copy: %d", waitpid(child, &status, 0) == child);
  printf(", status %x\n", status);

  fflush(stdout);
  child = (pid_t)clone3(&arguments, 64);
  if (child == 0) _exit(6);
  printf("the first version: %d", waitpid(child, &status, 0) == child);
  printf(", status %x\n", status);

  pid_t parents = 0, childs = 0;
  arguments = (struct clone_args){.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
                                  .parent_tid = (uintptr_t)&parents,
                                  .child_tid = (uintptr_t)&childs,
                                  .exit_signal = SIGCHLD};
  fflush(stdout);
  child = (pid_t)clone3(&arguments, whole);
  if (child == 0) _exit(childs == getpid() ? 1 : 2);
  waitpid(child, &status, 0);
  printf("the numbers: %d %d, status %x\n", parents == child, childs == 0, status);

  struct sigaction action = {.sa_handler = exit};
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGUSR2, SIG_IGN);
  arguments = (struct clone_args){.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  fflush(stdout);
  child = (pid_t)clone3(&arguments, whole);
  if (child == 0) {
    raise(SIGUSR2);
    raise(SIGUSR1);
    _exit(0);
  }
  waitpid(child, &status, 0);
  printf("handlers are cleared, ignored signals are not: %x\n", status);
  signal(SIGUSR1, SIG_DFL);

  struct long_arguments with_more = {.known = plain};
  fflush(stdout);
  child = (pid_t)clone3(&with_more.known, sizeof with_more);
  if (child == 0) _exit(4);
  waitpid(child, &status, 0);
  printf("zeros behind the known members: status %x\n", status);
  with_more.more[100] = 1;
  say("more than zeros behind them", clone3(&with_more.known, sizeof with_more));

  refuse("size 0", plain, 0);
  refuse("size 63", plain, 63);
  refuse("more than a page", plain, 4097);
  say("nowhere", clone3((struct clone_args*)8, whole));
#define REFUSE(...) refuse(#__VA_ARGS__, (struct clone_args){__VA_ARGS__}, whole)
  REFUSE(.exit_signal = 65);
  REFUSE(.exit_signal = 256);
  REFUSE(.flags = SIGCHLD);
  REFUSE(.flags = CLONE_DETACHED);
  REFUSE(.flags = 1ULL << 40);
  REFUSE(.flags = CLONE_THREAD);
  REFUSE(.flags = CLONE_SIGHAND);
  REFUSE(.flags = CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND);
  REFUSE(.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD);
  REFUSE(.flags = CLONE_PARENT, .exit_signal = SIGCHLD);
  REFUSE(.stack = 4096);
  REFUSE(.stack_size = 4096);
  REFUSE(.stack = 4096, .stack_size = -4096ULL);
  REFUSE(.stack = -8192ULL, .stack_size = 4096);
  REFUSE(.set_tid = 4096);
  REFUSE(.set_tid_size = 1);
}

// ── Files that stand for processes ──

static int pidfd_open(pid_t process, unsigned flags) {
  return (int)syscall(SYS_pidfd_open, process, flags);
}
static long pidfd_send_signal(int fd, int signal, const void* information, unsigned flags) {
  return syscall(SYS_pidfd_send_signal, fd, signal, information, flags);
}

static void say_poll(const char* what, int fd, int timeout) {
  struct pollfd file = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDNORM};
  const int ready = poll(&file, 1, timeout);
  printf("%s: %d, events %x\n", what, ready, file.revents);
}

static void* pause_for_ever(void* number) {
  *(volatile int*)number = (int)syscall(SYS_gettid);
  for (;;) pause();
  return NULL;
}

static void files(void) {
  SAY(pidfd_open(0, 0));
  SAY(pidfd_open(-1, 0));
  SAY(pidfd_open(unknown_id, 0));
  SAY(pidfd_open(getpid(), 1));
  pthread_t thread;
  volatile int tid = 0;
  pthread_create(&thread, NULL, pause_for_ever, (void*)&tid);
  while (tid == 0) usleep(1000);
  SAY(pidfd_open(tid, 0));

  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  const int fd = pidfd_open(child, 0);
  printf("a descriptor: %d\n", fd > 2);
  printf("close on exec: %d\n", fcntl(fd, F_GETFD));
  char byte;
  SAY(read(fd, &byte, 1));
  SAY(write(fd, &byte, 1));
  SAY(lseek(fd, 0, SEEK_SET));
  say_poll("alive", fd, 10);
  SAY(pidfd_send_signal(fd, 0, NULL, 0));
  SAY(pidfd_send_signal(fd, 65, NULL, 0));
  SAY(pidfd_send_signal(fd, -1, NULL, 0));
  SAY(pidfd_send_signal(fd, SIGTERM, NULL, 1 << 8));
  SAY(pidfd_send_signal(0, SIGTERM, NULL, 0));
  SAY(pidfd_send_signal(99, SIGTERM, NULL, 0));
  SAY(pidfd_send_signal(fd, SIGTERM, (void*)8, 0));
  siginfo_t given = {.si_signo = SIGTERM, .si_code = SI_USER};
  SAY(pidfd_send_signal(fd, SIGUSR1, &given, 0));
  SAY(pidfd_send_signal(fd, SIGTERM, &given, 0));
  SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG));
  const int impatient = pidfd_open(child, O_NONBLOCK);
  SAY(waitid(P_PIDFD, (id_t)impatient, &info, WEXITED));
  given.si_code = SI_QUEUE;
  SAY(pidfd_send_signal(fd, SIGTERM, &given, 0));
  say_poll("ends", fd, -1);
  say_poll("has ended", impatient, -1);
  SAY(pidfd_send_signal(fd, SIGTERM, NULL, 0));
  SAY_INFO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT));
  SAY_INFO(waitid(P_PIDFD, (id_t)impatient, &info, WEXITED));
  say_poll("reaped", fd, -1);
  SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
  SAY(pidfd_send_signal(fd, SIGTERM, NULL, 0));
  SAY(pidfd_send_signal(fd, 0, NULL, 0));
  close(fd);

  const int own = pidfd_open(getpid(), 0);
  SAY(waitid(P_PIDFD, (id_t)own, &info, WEXITED));
  SAY(pidfd_send_signal(own, 0, NULL, 0));
  say_poll("itself", own, 0);
}

// ── times ──

static void time_of_processes(void) {
  struct tms times_now;
  const clock_t before = times(&times_now);
  printf("ticks since the boot: %d\n", before > 0);
  const clock_t began = clock();
  while (clock() - began < CLOCKS_PER_SEC / 10) continue;
  const clock_t after = times(&times_now);
  printf("ten ticks later: %d\n", after - before >= 9);
  printf("its own time: %d\n", times_now.tms_utime + times_now.tms_stime >= 9);
  printf("its children's time: %ld\n", times_now.tms_cutime + times_now.tms_cstime);
  printf("without a structure: %d\n", syscall(SYS_times, NULL) >= after);
  SAY(syscall(SYS_times, 8));
}

// ── Users ──

static void users(void) {
  uid_t real = 1, effective = 2, saved = 3;
  SAY(getresuid(&real, &effective, &saved));
  printf("%u %u %u\n", real, effective, saved);
  SAY(getresgid(&real, &effective, &saved));
  SAY(syscall(SYS_getresuid, 8, &effective, &saved));
  SAY(syscall(SYS_getresuid, &real, &effective, 8));
  SAY(setuid(0));
  SAY(setgid(0));
  SAY(setreuid(-1, 0));
  SAY(setregid(0, -1));
  SAY(setresuid(-1, -1, -1));
  SAY(setresgid(0, -1, 0));
  SAY(setuid(-1));
  SAY(setgid(-1));
  SAY(getgroups(0, NULL));
  SAY(syscall(SYS_getgroups, -1, NULL));
}

int main(int count, char** arguments) {
  const char* const part = count > 1 ? arguments[1] : "";
  if (strcmp(part, "settings") == 0) settings();
  if (strcmp(part, "orphans") == 0) orphans();
  if (strcmp(part, "waits") == 0) waits();
  if (strcmp(part, "clones") == 0) clones();
  if (strcmp(part, "files") == 0) files();
  if (strcmp(part, "times") == 0) time_of_processes();
  if (strcmp(part, "users") == 0) users();
  return 0;
}
