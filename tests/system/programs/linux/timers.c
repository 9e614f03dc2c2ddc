// Timers that send signals: alarm, setitimer, timer_create; and signals with information of the
// program's own. Times are checked as ranges, because hosts are busy.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "common.h"

static volatile sig_atomic_t calls, last_code, last_overrun, most_overruns, last_value,
    last_pid_is_own;
static void note(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  ++calls;
  last_code = info->si_code;
  last_overrun = info->si_overrun;
  if (last_overrun > most_overruns) most_overruns = last_overrun;
  last_value = info->si_value.sival_int;
  last_pid_is_own = info->si_pid == getpid();
}
static void handle(int signal) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(signal, &action, NULL);
}
static void block(int how, int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(how, &set, NULL);
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void alarms(void) {
  handle(SIGALRM);
  SAY(alarm(100));
  const unsigned left = alarm(0);
  printf("left of 100 seconds: %s\n", left == 99 || left == 100 ? "as expected" : "another time");
  SAY(alarm(0));
  const long begin = milliseconds();
  SAY(alarm(1));
  SAY(pause());
  printf("it took a second: %s\n", milliseconds() - begin >= 999 ? "yes" : "no");
  printf("calls: %d, code is SI_KERNEL: %d\n", calls, last_code == SI_KERNEL);
  calls = 0;
}

// Again and again: on a busy host a round may take long.
static void short_interval(void) {
  const struct itimerval often = {.it_value = {0, 1000}, .it_interval = {0, 1000}}, never = {0};
  int comes_often = 0;
  for (int round = 0; round < 50 && !comes_often; ++round) {
    const long begin = milliseconds();
    calls = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    while (calls < 10) pause();
    setitimer(ITIMER_REAL, &never, NULL);
    comes_often = milliseconds() - begin < 60;
  }
  printf("10 signals of an interval of 1 ms come within 60 ms: %d\n", comes_often);
  calls = 0;
}

static void interval_timers(void) {
  struct itimerval setting = {.it_value = {0, 20000}, .it_interval = {0, 10000}}, old;
  SAY(setitimer(ITIMER_REAL, &setting, NULL));
  while (calls < 3) pause();
  SAY(getitimer(ITIMER_REAL, &old));
  printf("interval: %ld us, left within it: %d\n", (long)old.it_interval.tv_usec,
         old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 10000);
  setting = (struct itimerval){0};
  SAY(setitimer(ITIMER_REAL, &setting, &old));
  printf("old interval: %ld us\n", (long)old.it_interval.tv_usec);
  calls = 0;
  usleep(50000);
  printf("calls after the end: %d\n", calls);
  SAY(getitimer(ITIMER_REAL, &old));
  printf("left: %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
  setting.it_value.tv_usec = 1000000;
  SAY(setitimer(ITIMER_REAL, &setting, NULL));
  setting.it_value.tv_usec = -1;
  SAY(setitimer(ITIMER_REAL, &setting, NULL));
  SAY(setitimer(7, &setting, NULL));
  SAY(getitimer(-1, &old));

  handle(SIGPROF);
  handle(SIGVTALRM);
  for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; ++which) {
    calls = 0;
    setting = (struct itimerval){.it_value = {0, 30000}};
    SAY(setitimer(which, &setting, NULL));
    while (calls == 0) continue;
    printf("CPU time has passed: %d\n", clock() * 1000 / CLOCKS_PER_SEC >= 30);
  }
}

static void created_timers(void) {
  timer_t timer, other;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  event.sigev_value.sival_int = 77;
  handle(SIGUSR1);
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec setting = {.it_value = {0, 10000000}}, shown;
  calls = 0;
  SAY(timer_settime(timer, 0, &setting, NULL));
  while (calls == 0) pause();
  printf("calls: %d, code %d, value %d, overrun %d\n", calls, last_code, last_value, last_overrun);
  SAY(timer_gettime(timer, &shown));
  printf("left: %ld %ld\n", (long)shown.it_value.tv_sec, shown.it_value.tv_nsec);

  // Expirations while the signal is blocked.
  most_overruns = 0;
  block(SIG_BLOCK, SIGUSR1);
  setting.it_interval.tv_nsec = 10000000;
  calls = 0;
  SAY(timer_settime(timer, 0, &setting, NULL));
  usleep(100000);
  block(SIG_UNBLOCK, SIGUSR1);
  SAY(timer_getoverrun(timer) >= 0);
  printf("calls: at least one: %d, overruns: %s\n", calls >= 1,
         most_overruns >= 3 ? "some" : "few");
  setting = (struct itimerspec){0};
  SAY(timer_settime(timer, 0, &setting, NULL));

  // Absolute time.
  struct timespec now;
  SAY(timer_create(CLOCK_REALTIME, NULL, &other));
  clock_gettime(CLOCK_REALTIME, &now);
  setting.it_value = now;
  setting.it_value.tv_sec += 1000;
  SAY(timer_settime(other, TIMER_ABSTIME, &setting, NULL));
  SAY(timer_gettime(other, &shown));
  printf("left: about 1000 seconds: %d\n",
         shown.it_value.tv_sec == 999 || shown.it_value.tv_sec == 1000);
  calls = 0;
  setting.it_value = (struct timespec){.tv_sec = 1};
  SAY(timer_settime(other, TIMER_ABSTIME, &setting, NULL));
  while (calls == 0) usleep(1000);
  printf("a time in the past: calls %d, code %d\n", calls, last_code);
  SAY(timer_delete(other));

  event.sigev_notify = SIGEV_NONE;
  SAY(timer_create(CLOCK_MONOTONIC, &event, &other));
  calls = 0;
  setting.it_value = (struct timespec){.tv_nsec = 1000000};
  SAY(timer_settime(other, 0, &setting, NULL));
  usleep(20000);
  printf("without a signal: calls %d\n", calls);
  SAY(timer_delete(other));

  event.sigev_notify = 9;
  SAY(timer_create(CLOCK_MONOTONIC, &event, &other));
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = 99;
  SAY(timer_create(CLOCK_MONOTONIC, &event, &other));
  SAY(timer_create(99, NULL, &other));
  setting.it_value.tv_nsec = 1000000000;
  SAY(timer_settime(timer, 0, &setting, NULL));
  SAY(timer_delete(timer));
}

static void wait_ms(long length) {
  const long end = milliseconds() + length;
  while (milliseconds() < end) usleep(1000);
}

// Times at the end of what a timer can express, and intervals far below the time of a signal.
static void extreme_times(void) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  struct itimerval longest = {.it_value = {INT64_MAX, 0}, .it_interval = {INT64_MAX, 0}},
                   none = {0};
  for (int which = ITIMER_REAL; which <= ITIMER_PROF; ++which) {
    SAY(setitimer(which, &longest, NULL));
    SAY(setitimer(which, &none, NULL));
  }
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  struct itimerspec setting = {.it_value = {0, 1}, .it_interval = {INT64_MAX / 1000000000, 0}};
  calls = 0;
  SAY(timer_settime(timer, 0, &setting, NULL));
  while (calls == 0) usleep(1000);
  printf("a long interval: calls %d\n", calls);
  setting = (struct itimerspec){.it_value = {0, 1}, .it_interval = {0, 1}};
  signal(SIGUSR1, SIG_IGN);
  SAY(timer_settime(timer, 0, &setting, NULL));
  wait_ms(50);
  SAY(timer_delete(timer));
  event.sigev_notify = SIGEV_NONE;
  SAY(timer_create(CLOCK_MONOTONIC, &event, &timer));
  SAY(timer_settime(timer, 0, &setting, NULL));
  wait_ms(50);
  SAY(timer_delete(timer));
}

static int lock_file;
static int lock_length_us;
static void lock_until_killed(void) {
  signal(SIGALRM, SIG_DFL);
  const struct itimerval setting = {.it_value = {0, lock_length_us}};
  setitimer(ITIMER_REAL, &setting, NULL);
  for (;;) {
    flock(lock_file, LOCK_EX);
    flock(lock_file, LOCK_UN);
  }
}

// Processes that wait for each other, while timers kill them.
static void timers_kill_waiters(void) {
  char path[] = "/tmp/timers-XXXXXX";
  lock_file = mkstemp(path);
  unlink(path);
  int killed = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 12; ++i) {
      lock_length_us = 1000 + 700 * i;
      if (fork() == 0) lock_until_killed();
    }
    for (int status; wait(&status) > 0;) {
      killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    }
  }
  printf("killed by SIGALRM: %d\n", killed);
}

static void children_inherit_no_timer(void) {
  struct itimerval left;
  getitimer(ITIMER_REAL, &left);
  printf("in a child: %ld s left\n", (long)left.it_value.tv_sec);
}

static void queued_information(void) {
  union sigval value = {.sival_int = 5};
  const int signal = SIGRTMIN + 1;
  handle(signal);
  calls = 0;
  SAY(sigqueue(getpid(), signal, value));
  printf("calls: %d, code is SI_QUEUE: %d, value %d, own: %d\n", calls, last_code == SI_QUEUE,
         last_value, last_pid_is_own);
  block(SIG_BLOCK, signal);
  for (int i = 0; i < 3; ++i) {
    value.sival_int = i;
    SAY(sigqueue(getpid(), signal, value));
  }
  calls = 0;
  block(SIG_UNBLOCK, signal);
  printf("calls: %d, the last value: %d\n", calls, last_value);
  SAY(sigqueue(unknown_id, signal, value));
  SAY(sigqueue(getpid(), 99, value));
  SAY(sigqueue(getpid(), 0, value));
  siginfo_t info = {.si_code = SI_USER};
  SAY(syscall(SYS_rt_sigqueueinfo, getppid(), signal, &info));
  info.si_code = -60;
  calls = 0;
  SAY(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), signal, &info));
  printf("calls: %d, code %d\n", calls, last_code);
}

int main(void) {
  alarms();
  short_interval();
  interval_timers();
  created_timers();
  extreme_times();
  timers_kill_waiters();
  SAY(alarm(100));
  run_child(children_inherit_no_timer);
  SAY(alarm(0) > 90);
  queued_information();
  return 0;
}
