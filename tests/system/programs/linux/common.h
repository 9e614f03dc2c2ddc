// Shared by these programs: printing a call's result, and running a function in a child. Include it
// after defining _GNU_SOURCE.
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

// No process has this number: it is above the greatest pid_max, 4,194,304 (proc(5)). The emulator
// asks the host, which may have a process with any smaller number.
enum { unknown_id = 5000000 };

// Prints the result, or the error's name. Flushes, because the process may be killed.
static inline void say(const char* what, long answer) {
  if (answer < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
  } else {
    printf("%s: %ld\n", what, answer);
  }
  fflush(stdout);
}
#define SAY(call) say(#call, (long)(call))

// Prints "ok" or the error's name, for results that differ between systems.
static inline void say_whether(const char* what, long answer) {
  printf("%s: %s\n", what, answer < 0 ? strerrorname_np(errno) : "ok");
}

// Returns the child's status as from waitpid(), or -1 if fork failed.
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

// Takes all capabilities from the calling thread (capset, _LINUX_CAPABILITY_VERSION_3).
static inline void drop_rights(void) {
  struct {
    uint32_t version;
    int pid;
  } header = {0x20080522, 0};
  uint32_t data[6] = {0};
  syscall(SYS_capset, &header, data);
}

static inline int on_cotrap(void) {
  struct utsname name;
  uname(&name);
  return strcmp(name.sysname, "Cotrap") == 0;
}
