// What several of these programs do: saying what a call answered, and children that live one
// function long. Included after _GNU_SOURCE is defined.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

// The answer, or the error's name. Written at once: who says it may not live to the end.
static inline void say(const char* what, long answer) {
  if (answer < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
  } else {
    printf("%s: %ld\n", what, answer);
  }
  fflush(stdout);
}
#define SAY(call) say(#call, (long)(call))

// The same where the answer is not the same everywhere.
static inline void say_whether(const char* what, long answer) {
  printf("%s: %s\n", what, answer < 0 ? strerrorname_np(errno) : "ok");
}

// The child's status as waitpid() has it, -1 if there was none.
static inline int run_child(void (*life)(void)) {
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    life();
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

static inline int on_cotrap(void) {
  struct utsname name;
  uname(&name);
  return strcmp(name.sysname, "Cotrap") == 0;
}
