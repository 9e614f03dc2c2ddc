// Runs code that may end the process, in a process of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdio>

/// Runs `body` in a child process; returns true if it ends normally. The child's stderr is
/// discarded.
template <class Body>
bool ends_normally(Body body) {
  std::fflush(stdout);  // otherwise the child prints the buffered text again
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    std::signal(SIGABRT, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
