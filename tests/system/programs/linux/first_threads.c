// Calls about a first thread that has ended while other threads of its process live: its id stays
// valid. A killed process ends at once, even if other calls then change its scheduling.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static void sleep_ms(long ms) {
  struct timespec length = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&length, NULL);
}

static pthread_t first_thread;

// On Linux a thread ends a little after its tid was cleared. The first thread is then a zombie.
static void wait_until_ended(int first) {
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", first);
  while (!on_cotrap() && state != 'Z') {
    FILE* const file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1) abort();
    fclose(file);
    sleep_ms(1);
  }
}

static void* ask(void* unused) {
  (void)unused;
  const int process = getpid();
  struct sched_param param = {0};
  pthread_join(first_thread, NULL);
  wait_until_ended(process);
  SAY(syscall(SYS_tgkill, process, process, 0));
  SAY(syscall(SYS_tgkill, process, process, SIGTERM));
  SAY(syscall(SYS_tgkill, process, process, SIGKILL));
  SAY(syscall(SYS_tkill, process, SIGTERM));
  SAY(syscall(SYS_tgkill, process, process, 100));
  SAY(syscall(SYS_tgkill, getppid(), process, 0));
  SAY(syscall(SYS_tgkill, process, unknown_id, 100));
  SAY(sched_getscheduler(process));
  SAY(sched_getparam(process, &param));
  SAY(sched_setscheduler(process, SCHED_BATCH, &param));
  SAY(sched_getscheduler(process));
  SAY(sched_getscheduler(0));
  const int nice_before = getpriority(PRIO_PROCESS, 0);
  SAY(setpriority(PRIO_PROCESS, process, 19));  // prints no old value: it may have been 19 before
  SAY(getpriority(PRIO_PROCESS, process));
  SAY(getpriority(PRIO_PROCESS, 0) - nice_before);
  SAY(kill(unknown_id, 100));
  SAY(kill(process, 100));
  SAY(kill((int)syscall(SYS_gettid), 0));
  SAY(kill(process, SIGTERM));
  return NULL;
}

static void ask_from_second_thread(void) {
  pthread_t thread;
  first_thread = pthread_self();
  pthread_create(&thread, NULL, ask, NULL);
  syscall(SYS_exit, 3);
}

/// After its kill, a process gets the lowest priority while another process computes: it must end.
static void demote_the_killed(void) {
  struct sched_param most_urgent = {.sched_priority = 50}, zero = {0};
  const pid_t victim = fork();
  if (victim == 0) {
    for (;;) pause();
  }
  const pid_t busy = fork();
  if (busy == 0) {
    for (;;) {
    }
  }
  sleep_ms(20);
  // So that the victim cannot run before it is demoted. Without privileges this call fails, and the
  // victim may run earlier.
  (void)sched_setscheduler(0, SCHED_FIFO, &most_urgent);
  kill(victim, SIGKILL);
  SAY(setpriority(PRIO_PROCESS, victim, 19));
  SAY(sched_setscheduler(victim, SCHED_IDLE, &zero));
  int status = 0;
  const pid_t gone = waitpid(victim, &status, 0);
  printf("the killed process is %s\n", gone == victim ? "gone" : "still there");
  kill(busy, SIGKILL);
  waitpid(busy, &status, 0);
}

int main(void) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) ask_from_second_thread();
  int status = 0;
  waitpid(child, &status, 0);
  printf("the process dies of %s\n",
         WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "nothing");
  SAY(kill(child, 0));
  SAY(syscall(SYS_tgkill, child, child, 0));

  const pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  sleep_ms(100);
  SAY(kill(zombie, SIGTERM));
  SAY(syscall(SYS_tgkill, zombie, zombie, SIGTERM));
  SAY(sched_getscheduler(zombie));
  waitpid(zombie, NULL, 0);
  SAY(sched_getscheduler(zombie));

  demote_the_killed();
  return 0;
}
