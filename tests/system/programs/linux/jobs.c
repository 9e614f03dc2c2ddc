// Job control: processes that stop and continue, process groups and sessions. Numbers of processes
// differ between systems, so the program prints which numbers are equal.
//
// jobs             all but SA_NOCLDSTOP
// jobs waits       waits for a length of time, of which the emulator begins one anew
// jobs nocldstop   only this flag, which the emulator does not pass on
// jobs first       the machine's first process, which must go on
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "common.h"

// In microseconds. A process that is about to wait does so within this time, unless the host is
// busy.
static const long a_while = 100000;

static void show_status(const char* what, int status) {
  if (WIFSTOPPED(status)) {
    printf("%s: stopped by %s\n", what, sigabbrev_np(WSTOPSIG(status)));
  } else if (WIFCONTINUED(status)) {
    printf("%s: continued\n", what);
  } else if (WIFSIGNALED(status)) {
    printf("%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(status)));
  } else {
    printf("%s: exited with %d\n", what, WEXITSTATUS(status));
  }
  fflush(stdout);
}

// Waits for a change of `child`.
static void expect(const char* what, pid_t child) {
  int status = 0;
  if (waitpid(child, &status, WUNTRACED | WCONTINUED) != child) {
    say(what, -1);
  } else {
    show_status(what, status);
  }
}

static pid_t start(void (*life)(void)) {
  fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child;
  life();
  fflush(stdout);
  _exit(0);
}

static volatile int signals_got[65];
static volatile int codes_got[8];
static void note(int signal, siginfo_t* info, void* context) {
  (void)context;
  ++signals_got[signal];
  if (signal == SIGCHLD && info->si_code >= 0 && info->si_code < 8) ++codes_got[info->si_code];
}
static void handle(int signal, int flags) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | flags};
  sigaction(signal, &action, NULL);
}

// Children wait for a byte of `go` before their state changes again. So the parent learns of the
// change after SIGCONT first.
static int go[2];
static void await_go(void) {
  char byte;
  while (read(go[0], &byte, 1) < 0) continue;
}

static void let_go(void) {
  if (write(go[1], "g", 1) != 1) perror("write");
}

static void stop_twice(void) {
  raise(SIGSTOP);
  await_go();
  raise(SIGTSTP);
  _exit(7);
}

static void stops_are_reported_once(void) {
  int status;
  const pid_t child = start(stop_twice);
  expect("a child that raises SIGSTOP", child);
  SAY(waitpid(child, &status, WNOHANG | WUNTRACED | WCONTINUED));
  kill(child, SIGCONT);
  expect("after SIGCONT", child);
  let_go();
  expect("then, by SIGTSTP", child);
  kill(child, SIGCONT);
  kill(child, SIGCONT);
  while (waitpid(child, &status, 0) != child) continue;
  show_status("a wait without WUNTRACED", status);
}

static void wait_for_ever(void) {
  for (;;) pause();
}

static void signals_of_a_stopped_process(void) {
  int status;
  const pid_t child = start(wait_for_ever);
  usleep(a_while);
  kill(child, SIGSTOP);
  expect("a child that waits", child);
  kill(child, SIGTERM);
  usleep(a_while);
  SAY(waitpid(child, &status, WNOHANG));
  kill(child, SIGCONT);
  waitpid(child, &status, 0);
  show_status("SIGTERM, then SIGCONT", status);

  const pid_t other = start(wait_for_ever);
  kill(other, SIGSTOP);
  expect("another child", other);
  kill(other, SIGKILL);
  expect("SIGKILL needs no SIGCONT", other);
}

static int pipe_ends[2];
static void read_pipe(void) {
  char bytes[4] = "";
  const long got = read(pipe_ends[0], bytes, 3);
  const int error = errno;
  await_go();
  errno = error;
  say("the child read", got);
}
static void read_pipe_with_handler(void) {
  handle(SIGCONT, 0);
  read_pipe();
}
static void read_pipe_with_restart(void) {
  handle(SIGCONT, SA_RESTART);
  read_pipe();
}

static void calls_of_a_stopped_process(void (*life)(void)) {
  SAY(pipe(pipe_ends));
  const pid_t child = start(life);
  usleep(a_while);
  kill(child, SIGSTOP);
  expect("a child that reads", child);
  SAY(write(pipe_ends[1], "abc", 3));
  usleep(a_while);
  int left = 0;
  ioctl(pipe_ends[0], FIONREAD, &left);
  printf("%d bytes are left in the pipe\n", left);
  fflush(stdout);
  kill(child, SIGCONT);
  expect("SIGCONT", child);
  let_go();
  expect("its end", child);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

static void sleep_long(void) {
  struct timespec length = {.tv_nsec = 300000000};
  const long answer = nanosleep(&length, NULL);
  await_go();
  say("the child slept", answer);
}

static void a_sleep_goes_on(void) {
  const pid_t child = start(sleep_long);
  usleep(a_while);
  kill(child, SIGSTOP);
  expect("a child that sleeps", child);
  kill(child, SIGCONT);
  expect("SIGCONT", child);
  let_go();
  expect("its end", child);
}

static void sleep_for(long milliseconds) {
  const struct timespec length = {0, milliseconds * 1000000};
  nanosleep(&length, NULL);
}
static void wait_for_word(long milliseconds) {
  const struct timespec length = {0, milliseconds * 1000000};
  int word = 0;
  syscall(SYS_futex, &word, FUTEX_WAIT, 0, &length, NULL, 0);
}
static void poll_nothing(long milliseconds) {
  const struct timespec length = {0, milliseconds * 1000000};
  ppoll(NULL, 0, &length, NULL);
}

// The process is stopped until the 350th millisecond of a wait of 500 ms, which must still end before one of 700 ms.
static void a_wait_keeps_its_end(const char* what, void (*wait_for)(long)) {
  int ends[2], status;
  char order[3] = "";
  if (pipe(ends) != 0) return;
  fflush(stdout);
  const pid_t stopped = fork();
  if (stopped == 0) wait_for(500);
  const pid_t other = stopped == 0 ? 0 : fork();
  if (stopped != 0 && other == 0) wait_for(700);
  if (stopped == 0 || other == 0) _exit(write(ends[1], stopped == 0 ? "1" : "2", 1) != 1);
  sleep_for(50);
  kill(stopped, SIGSTOP);
  sleep_for(300);
  kill(stopped, SIGCONT);
  waitpid(stopped, &status, 0);
  waitpid(other, &status, 0);
  if (read(ends[0], order, 2) != 2) perror("read");
  printf("%s keeps its end behind a stop: %s\n", what, order);
  close(ends[0]);
  close(ends[1]);
}

static atomic_long* counters;
static void* count(void* argument) {
  const long which = (long)argument;
  for (;;) {
    atomic_fetch_add(&counters[which], 1);
    sched_yield();
  }
  return NULL;
}
static void count_in_threads(void) {
  pthread_t thread;
  for (long i = 1; i < 3; ++i) pthread_create(&thread, NULL, count, (void*)i);
  count(NULL);
}

static void all_threads_stop(void) {
  counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = start(count_in_threads);
  for (int i = 0; i < 3; ++i) {
    while (counters[i] == 0) usleep(1000);
  }
  kill(child, SIGSTOP);
  expect("a child with three threads", child);
  long before[3];
  for (int i = 0; i < 3; ++i) before[i] = counters[i];
  usleep(a_while);
  int running = 0;
  for (int i = 0; i < 3; ++i) running += counters[i] != before[i];
  printf("threads that run: %d\n", running);
  kill(child, SIGCONT);
  kill(child, SIGSTOP);
  int status;
  SAY(waitpid(child, &status, WUNTRACED) == child);
  show_status("stopped again at once", status);
  kill(child, SIGCONT);
  expect("SIGCONT", child);
  for (int i = 0; i < 3; ++i) {
    while (counters[i] == before[i]) usleep(1000);
  }
  printf("all run again\n");
  kill(child, SIGKILL);
  expect("its end", child);
}

// Its last call is one that signals interrupt.
static void compute_after_a_sleep(void) {
  handle(SIGUSR1, 0);
  usleep(1000);
  ++*counters;
  while (signals_got[SIGUSR1] == 0) continue;
  _exit(signals_got[SIGUSR1]);
}

static void a_computing_process_stops(void) {
  *counters = 0;
  const pid_t child = start(compute_after_a_sleep);
  while (*counters == 0) usleep(1000);
  kill(child, SIGSTOP);
  expect("a child that computes", child);
  SAY(kill(child, SIGUSR1));
  usleep(a_while);
  int status;
  SAY(waitpid(child, &status, WNOHANG));
  kill(child, SIGCONT);
  while (waitpid(child, &status, 0) != child) continue;
  show_status("after a handler", status);
}

// Two pending SIGCHLD would become one.
static void await_signal_of(int code, int flags) {
  if ((flags & SA_NOCLDSTOP) != 0) {
    usleep(a_while);
  } else {
    while (codes_got[code] == 0) usleep(1000);
  }
}

static void the_parent_gets_sigchld(int flags) {
  memset((void*)codes_got, 0, sizeof codes_got);
  handle(SIGCHLD, flags | SA_RESTART);
  const pid_t child = start(wait_for_ever);
  kill(child, SIGSTOP);
  expect("a child", child);
  await_signal_of(CLD_STOPPED, flags);
  kill(child, SIGCONT);
  expect("SIGCONT", child);
  await_signal_of(CLD_CONTINUED, flags);
  kill(child, SIGKILL);
  expect("SIGKILL", child);
  await_signal_of(CLD_KILLED, 0);
  printf("CLD_KILLED: %d, CLD_STOPPED: %d, CLD_CONTINUED: %d\n", codes_got[CLD_KILLED],
         codes_got[CLD_STOPPED], codes_got[CLD_CONTINUED]);
  signal(SIGCHLD, SIG_DFL);
}

static int is_pending(int signal) {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, signal);
}

static void stop_and_continue_remove_each_other(void) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTSTP);
  sigaddset(&set, SIGTTIN);
  sigaddset(&set, SIGCONT);
  sigprocmask(SIG_BLOCK, &set, &before);
  kill(getpid(), SIGTSTP);
  kill(getpid(), SIGTTIN);
  printf("pending: %d %d %d\n", is_pending(SIGTSTP), is_pending(SIGTTIN), is_pending(SIGCONT));
  kill(getpid(), SIGCONT);
  printf("pending: %d %d %d\n", is_pending(SIGTSTP), is_pending(SIGTTIN), is_pending(SIGCONT));
  kill(getpid(), SIGTSTP);
  printf("pending: %d %d %d\n", is_pending(SIGTSTP), is_pending(SIGTTIN), is_pending(SIGCONT));
  signal(SIGTSTP, SIG_IGN);
  printf("pending: %d\n", is_pending(SIGTSTP));
  signal(SIGTSTP, SIG_DFL);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void life_in_a_session(void) {
  SAY(setsid() == getpid());
  SAY(getsid(0) == getpid());
  SAY(getpgrp() == getpid());
  SAY(setsid());
  SAY(setpgid(0, 0));
  raise(SIGTSTP);
  printf("SIGTSTP does not stop an orphaned group\n");
}

static void live_in_own_group(void) {
  setpgid(0, 0);
  wait_for_ever();
}

static void end_in_own_group(void) {
  setpgid(0, 0);
}

static void groups(void) {
  int status;
  const pid_t first = start(live_in_own_group), second = start(wait_for_ever);
  SAY(setpgid(first, first));
  SAY(getpgid(first) == first);
  SAY(getpgid(second) == getpgrp());
  SAY(setpgid(second, first));
  SAY(getpgid(second) == first);
  SAY(getsid(second) == getsid(0));
  const pid_t ended = start(end_in_own_group);
  siginfo_t info;
  SAY(waitid(P_PID, ended, &info, WEXITED | WNOWAIT));
  SAY(setpgid(second, ended));
  SAY(setpgid(second, first));
  SAY(waitpid(ended, &status, 0) == ended);
  SAY(setpgid(second, unknown_id));
  SAY(setpgid(unknown_id, 0));
  SAY(setpgid(second, -1));
  SAY(setpgid(getppid(), 0));
  SAY(getpgid(unknown_id));
  SAY(getsid(-1));
  SAY(waitpid(-first, &status, WNOHANG));
  SAY(waitpid(0, &status, WNOHANG));
  SAY(waitpid(-unknown_id, &status, WNOHANG));
  SAY(kill(-unknown_id, SIGTERM));
  SAY(kill(-first, 0));
  SAY(kill(-first, SIGTERM));
  for (int i = 0; i < 2; ++i) {
    const pid_t ended = waitpid(-first, &status, 0);
    printf("%s: ", ended == first || ended == second ? "a member" : "another");
    show_status("the end", status);
  }
  SAY(waitpid(-first, &status, 0));
  show_status("setsid", run_child(life_in_a_session));
}

static int group_ends[2];
static void be_left_alone(void) {
  handle(SIGHUP, 0);
  raise(SIGSTOP);
  dprintf(group_ends[1], "continued; SIGHUP: %d\n", signals_got[SIGHUP]);
}
static void leave_a_stopped_child(void) {
  const pid_t child = start(be_left_alone);
  setpgid(child, child);
  int status;
  waitpid(child, &status, WUNTRACED);
}

static void an_orphaned_group_continues(void) {
  char text[100] = "";
  SAY(pipe(group_ends));
  show_status("a parent of a stopped child", run_child(leave_a_stopped_child));
  close(group_ends[1]);
  for (char* at = text; at < text + 99;) {
    const long got = read(group_ends[0], at, 99 - (at - text));
    if (got <= 0) break;
    at += got;
  }
  printf("%s", text);
}

static void parent_of_all(void) {
  SAY(pipe(go));
  stops_are_reported_once();
  signals_of_a_stopped_process();
  calls_of_a_stopped_process(read_pipe);
  calls_of_a_stopped_process(read_pipe_with_handler);
  calls_of_a_stopped_process(read_pipe_with_restart);
  a_sleep_goes_on();
  all_threads_stop();
  a_computing_process_stops();
  the_parent_gets_sigchld(0);
  stop_and_continue_remove_each_other();
  groups();
  an_orphaned_group_continues();
}

static void end_at_once(void) {
  _exit(0);
}

// The letter of the process's state in /proc/PID/stat.
static int state_of(pid_t process) {
  char path[32], text[200] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  FILE* const file = fopen(path, "r");
  if (file == NULL) return 0;
  const char* const read = fgets(text, sizeof text, file);
  fclose(file);
  const char* const name_end = read != NULL ? strrchr(text, ')') : NULL;
  return name_end != NULL ? name_end[2] : 0;
}

// Makes a group of its own, of which two members remain: one waits, the other stops it and ends.
static void leave_two_in_a_group(void) {
  setpgid(0, 0);
  const pid_t stopped = start(wait_for_ever);
  if (write(group_ends[1], &stopped, sizeof stopped) < 0) perror("write");
  if (fork() != 0) return;
  while (getppid() != 1) sched_yield();
  kill(stopped, SIGSTOP);
  while (state_of(stopped) != 'T') sched_yield();
  _exit(3);
}

static void the_end_of_an_inherited_process(void) {
  pid_t stopped = 0;
  int status = 0;
  SAY(pipe(group_ends));
  run_child(leave_two_in_a_group);
  if (read(group_ends[0], &stopped, sizeof stopped) < 0) perror("read");
  while (waitpid(-1, &status, 0) > 0 && WEXITSTATUS(status) != 3) continue;
  printf("the end of an inherited process leaves its group stopped: %d\n",
         state_of(stopped) == 'T');
  kill(stopped, SIGKILL);
  waitpid(stopped, &status, 0);
}

static void first_process(void) {
  raise(SIGSTOP);
  printf("SIGSTOP does not stop the first process\n");
  handle(SIGHUP, 0);
  const pid_t stopped = start(wait_for_ever);
  kill(stopped, SIGSTOP);
  expect("a child of its group", stopped);
  run_child(end_at_once);
  printf("the end of another one: SIGHUP %d\n", signals_got[SIGHUP]);
  kill(stopped, SIGKILL);
  expect("SIGKILL", stopped);
  the_end_of_an_inherited_process();
}

// The children are in a group of their own, whose parent is in another one: so the group is not
// orphaned, and SIGTSTP stops its members.
int main(int count, char** arguments) {
  if (count > 1 && strcmp(arguments[1], "nocldstop") == 0) {
    the_parent_gets_sigchld(SA_NOCLDSTOP);
    return 0;
  }
  if (count > 1 && strcmp(arguments[1], "waits") == 0) {
    a_wait_keeps_its_end("nanosleep", sleep_for);
    a_wait_keeps_its_end("FUTEX_WAIT", wait_for_word);
    a_wait_keeps_its_end("ppoll", poll_nothing);
    return 0;
  }
  if (count > 1 && strcmp(arguments[1], "first") == 0) {
    first_process();
    return 0;
  }
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    parent_of_all();
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  show_status("all", status);
  return 0;
}
