// Unusual process lives: programs started by a thread that is not the first, a first thread that
// ends before the others, orphans, and calls about processes that do not exist.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static const char* self_path;

static void* start_program(void* unused) {
  (void)unused;
  execl(self_path, self_path, "started", (char*)NULL);
  _exit(1);
}

static void start_from_second_thread(void) {
  if (!on_cotrap()) {  // user-mode emulators cannot do this: print the expected output
    printf("started by a second thread: its tid is the pid\n");
    fflush(stdout);
    _exit(5);
  }
  pthread_t thread;
  pthread_create(&thread, NULL, start_program, NULL);
  for (;;) pause();
}

static void* outlive(void* unused) {
  (void)unused;
  struct timespec while_the_first_ends = {.tv_nsec = 20000000};
  nanosleep(&while_the_first_ends, NULL);
  printf("the second thread continues\n");
  fflush(stdout);
  syscall(SYS_exit_group, 7);
  return NULL;
}

static void first_thread_ends(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, outlive, NULL);
  syscall(SYS_exit, 3);
}

static pthread_t first_thread;

static void* end_after_the_first(void* code) {
  pthread_join(first_thread, NULL);
  syscall(SYS_exit, (long)code);
  return NULL;
}

// The first thread ends alone, without exit_group(2): the process's status is that of its last
// thread.
static void first_thread_ends_first(void) {
  pthread_t thread;
  first_thread = pthread_self();
  pthread_create(&thread, NULL, end_after_the_first, (void*)0);
  syscall(SYS_exit, 4);
}

static void first_thread_ends_first_and_well(void) {
  pthread_t thread;
  first_thread = pthread_self();
  pthread_create(&thread, NULL, end_after_the_first, (void*)6);
  syscall(SYS_exit, 0);
}

static void* end_with(void* code) {
  syscall(SYS_exit, (long)code);
  return NULL;
}

static void first_thread_ends_last(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, end_with, (void*)6);
  pthread_join(thread, NULL);
  syscall(SYS_exit, 4);
}

static void leave_an_orphan(void) {
  int ends[2];
  if (pipe(ends) != 0) return;
  const pid_t parent = getpid();
  if (fork() == 0) {
    close(ends[1]);
    char byte;
    if (read(ends[0], &byte, 1) == 0) {  // end of file: the parent has ended
      struct timespec a_moment = {.tv_nsec = 10000000};
      while (getppid() == parent) nanosleep(&a_moment, NULL);
      printf("an orphan has another parent\n");
      fflush(stdout);
    }
    _exit(0);
  }
}

// Waits for the end of file of a pipe that all descendants hold.
static void wait_for_orphans(void (*leave)(void)) {
  int ends[2];
  if (pipe(ends) != 0) return;
  run_child(leave);
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 0) printf("the pipe has a byte\n");
  close(ends[0]);
}

static int return_at_once(void* unused) {
  (void)unused;
  syscall(SYS_exit, 0);
  return 0;
}

// User-mode emulators do not support this combination of flags.
static void vfork_a_thread(void) {
  static char stack[16384] __attribute__((aligned(16)));
  if (on_cotrap()) {
    clone(return_at_once, stack + sizeof stack,
          CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VFORK, NULL);
  }
  printf("a thread made by vfork has ended\n");
}

int main(int argc, char** argv) {
  if (argc > 1) {
    printf("started by a second thread: its tid is %s\n",
           getpid() == syscall(SYS_gettid) ? "the pid" : "another");
    return 5;
  }
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  self_path = path;

  printf("… status %d\n", WEXITSTATUS(run_child(start_from_second_thread)));
  printf("… status %d\n", WEXITSTATUS(run_child(first_thread_ends)));
  printf("… status %d\n", WEXITSTATUS(run_child(first_thread_ends_first)));
  printf("… status %d\n", WEXITSTATUS(run_child(first_thread_ends_first_and_well)));
  printf("… status %d\n", WEXITSTATUS(run_child(first_thread_ends_last)));
  wait_for_orphans(leave_an_orphan);
  vfork_a_thread();

  const pid_t group = getpgid(0);
  say_whether("signal 0 to our group", kill(-group, 0));
  say_whether("… and to group 0", kill(0, 0));
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;  // reaps orphans, if this is the first process
  const pid_t member = fork();
  if (member == 0) _exit(0);
  printf("wait for a member of our group: %d\n", waitpid(-group, NULL, 0) == member);
  printf("all are one session: %d\n", getsid(0) >= 0 && getsid(0) == getsid(getppid()));
  say_whether("the session of an unknown process", getsid(unknown_id));
  say_whether("kill an unknown group", kill(-unknown_id, 0));
  say_whether("kill the group INT_MIN", syscall(SYS_kill, INT_MIN, 0));
  say_whether("wait for a child that is not ours", waitpid(getpid(), NULL, 0));
  say_whether("wait for INT_MIN", syscall(SYS_wait4, INT_MIN, NULL, 0, NULL));
  say_whether("mmap at offset 1",
              (long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1));
  char byte;
  say_whether("getrandom with contradictory flags",
              getrandom(&byte, 1, GRND_RANDOM | GRND_INSECURE));
  clockid_t clock;
  struct timespec time;
  say_whether("the clock of a thread", pthread_getcpuclockid(pthread_self(), &clock));
  say_whether("… read", clock_gettime(clock, &time));
  say_whether("the clock of a process", clock_getcpuclockid(0, &clock));
  say_whether("… read", clock_gettime(clock, &time));
  say_whether("nice value of an unknown process", getpriority(PRIO_PROCESS, unknown_id));
  return 0;
}
