// fork, pipes, wait: exit statuses arrive, memory and descriptors are copied, a broken pipe is
// reported.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static void report(const char* what, int status) {
  if (WIFEXITED(status)) {
    printf("%s: exit %d\n", what, WEXITSTATUS(status));
  } else {
    printf("%s: signal %d\n", what, WTERMSIG(status));
  }
  fflush(stdout);
}

static int shared = 1;
static void exit_with_seven(void) {
  _exit(7);
}
static void abort_oneself(void) {
  abort();
}
static void kill_oneself(void) {
  kill(getpid(), SIGKILL);
}
static int* volatile nothing;
static void follow_null(void) {
  *nothing = 1;
}
static void change_memory(void) {
  _exit(++shared == 2 ? 0 : 1);
}
static void write_without_reader(void) {
  int ends[2];
  if (pipe(ends)) _exit(1);
  close(ends[0]);
  if (write(ends[1], "x", 1) < 0) _exit(errno == EPIPE ? 3 : 4);
}
static void write_without_reader_ignoring(void) {
  signal(SIGPIPE, SIG_IGN);
  write_without_reader();
}

int main(void) {
  report("exit", run_child(exit_with_seven));
  report("abort", run_child(abort_oneself));
  report("kill", run_child(kill_oneself));
  report("null pointer", run_child(follow_null));
  report("memory", run_child(change_memory));
  printf("the parent's copy: %d\n", shared);
  report("broken pipe", run_child(write_without_reader));
  report("broken pipe, ignored", run_child(write_without_reader_ignoring));

  // A ring of processes: each adds its digit to what it reads.
  enum { length = 6 };
  int first[2], in;
  if (pipe(first)) return 1;
  in = first[0];
  fflush(stdout);
  for (int i = 0; i < length; ++i) {
    int next[2];
    if (pipe(next)) return 1;
    if (fork() == 0) {
      char text[64] = "";
      ssize_t size, at = 0;
      close(first[1]);
      close(next[0]);
      while ((size = read(in, text + at, sizeof text - at - 2)) > 0) at += size;
      text[at++] = (char)('0' + i);
      _exit(write(next[1], text, at) == at ? i : 100);
    }
    close(in);
    close(next[1]);
    in = next[0];
  }
  if (write(first[1], "ring:", 5) != 5) return 1;
  close(first[1]);
  char text[64] = "";
  ssize_t size, at = 0;
  while ((size = read(in, text + at, sizeof text - 1 - at)) > 0) at += size;
  int codes = 0, status;
  while (wait(&status) > 0) codes += WEXITSTATUS(status);
  printf("%s, exit codes add up to %d, then: %s\n", text, codes, strerror(errno));

  int ends[2];
  if (pipe(ends)) return 1;
  fflush(stdout);
  const pid_t sleeper = fork();
  if (sleeper == 0) {
    for (;;) sleep(1000);
  }
  printf("no child has ended yet: %d\n", waitpid(sleeper, &status, WNOHANG));
  kill(sleeper, SIGTERM);
  waitpid(sleeper, &status, 0);
  report("terminated", status);
  printf("it is gone: %s\n", kill(sleeper, 0) < 0 && errno == ESRCH ? "yes" : "no");
  return 0;
}
