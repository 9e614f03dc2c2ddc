// The first program of a guest that runs another program under load, on Cotrap and on Linux:
//
//   first-under-load SECONDS PROGRAM ARGUMENT...
//
// It runs PROGRAM in an empty folder of /tmp. When PROGRAM ends, or after SECONDS, it kills every
// other process, waits for the end of all of them, removes the files in /tmp, and prints
//
//   load: PROGRAM ended with STATUS after T s; N processes were killed
//   load: memory BEFORE kB before, AFTER kB after
//
// STATUS is PROGRAM's exit status, or 128 + the signal that killed it. The pools of the kernel keep
// as much memory as a run has needed at most. So if memory is missing, the program runs again, up
// to `most_runs` times: a leak takes memory each time. The exit status is 0 if all processes have
// ended, and if a run has left at most `slack_kb` less than it has found.
#define _GNU_SOURCE
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  most_runs = 6,
  slack_kb = 256,
  seconds_to_die = 30,       // after SIGKILL
  seconds_to_settle = 10,    // the kernel frees memory a little after the end of its process
  seconds_of_time_wait = 80  // for the memory of connections in TIME_WAIT
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void rest(void) {
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static long free_kb(void) {
  struct sysinfo info;
  sysinfo(&info);
  return (long)(info.freeram * info.mem_unit / 1024);
}

static int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Waits until `child` ends, or for `seconds`. Returns its exit status, or -1. Also reaps others.
static int wait_for(pid_t child, double seconds) {
  for (const double end = now() + seconds; now() < end;) {
    int status;
    const pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended == child) return exit_status(status);
    if (ended <= 0) rest();
  }
  return -1;
}

// Kills every other process until none is left, or for `seconds_to_die`. Returns how many it
// reaped, or -1 if processes are left.
static int end_all(void) {
  int ended = 0;
  for (const double end = now() + seconds_to_die; now() < end;) {
    kill(-1, SIGKILL);
    const pid_t reaped = waitpid(-1, NULL, WNOHANG);
    if (reaped < 0 && errno == ECHILD) return ended;
    if (reaped > 0)
      ++ended;
    else
      rest();
  }
  return -1;
}

static void print_file(const char* path) {
  FILE* const file = fopen(path, "re");
  for (int c; file != NULL && (c = fgetc(file)) != EOF;) putchar(c);
  if (file != NULL) fclose(file);
}

static int removed(const char* path, const struct stat* status, int type, struct FTW* walk) {
  (void)status, (void)type;
  return walk->level > 0 ? remove(path) : 0;
}

static void run(char** command) {
  if (mkdir("/tmp/load", 0777) != 0 || chdir("/tmp/load") != 0) _exit(126);
  execv(command[0], command);
  printf("load: cannot execute %s: %s\n", command[0], strerror(errno));
  fflush(stdout);
  _exit(127);
}

// Whether a line of /proc/net/tcp or /proc/net/tcp6 shows a connection in TIME_WAIT.
static int has_time_wait(const char* path) {
  FILE* const file = fopen(path, "re");
  char line[512], state[3] = "";
  while (file != NULL && strcmp(state, "06") != 0 && fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "%*s %*s %*s %2s", state) != 1) state[0] = 0;
  if (file != NULL) fclose(file);
  return strcmp(state, "06") == 0;
}

static long free_kb_at_rest(long wanted) {
  const double start = now();
  long kb = free_kb();
  for (; kb < wanted && now() < start + seconds_to_settle; kb = free_kb()) rest();
  while (kb < wanted && now() < start + seconds_of_time_wait &&
         (has_time_wait("/proc/net/tcp") || has_time_wait("/proc/net/tcp6"))) {
    sleep(1);
    kb = free_kb();
  }
  return kb;
}

// Runs the program once. Returns false if a process does not end.
static int ends(double seconds, char** command) {
  const double start = now();
  const pid_t child = fork();
  if (child == 0) run(command);
  const int status = wait_for(child, seconds);
  const double length = now() - start;
  if (status < 0) print_file("/proc/processes"), print_file("/proc/threads");
  const int killed = end_all();
  printf("load: %s ended with %d after %.1f s; %d processes were killed\n", command[0], status,
         length, killed);
  if (killed < 0) print_file("/proc/processes"), print_file("/proc/threads");
  nftw("/tmp", removed, 32, FTW_DEPTH | FTW_PHYS);
  return status >= 0 && killed >= 0;
}

int main(int count, char** arguments) {
  if (count < 3) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  setenv("PATH", "/usr/bin:/bin", 1);
  rest();
  for (int runs = 0; runs < most_runs; ++runs) {
    const long before = free_kb();
    if (!ends(atof(arguments[1]), arguments + 2)) return 1;
    const long after = free_kb_at_rest(before - slack_kb);
    printf("load: memory %ld kB before, %ld kB after\n", before, after);
    if (after >= before - slack_kb) return 0;
  }
  return 1;
}
