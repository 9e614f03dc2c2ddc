// The watchdog ends a process that computes for ever, and no other one.
#include "watchdog.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>

using namespace std::chrono_literals;
using async::sim::Watchdog;

namespace {

/// Runs `body` in a child process and returns its wait status.
template <class Body>
int status_of(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXCPU, SIG_DFL);  // so that the test framework prints nothing
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

void compute(bool for_ever) {
  for (volatile unsigned i = 0; for_ever || i < 100'000'000; i = i + 1) {
    if (!for_ever) Watchdog::note_event();
  }
}

}  // namespace

TEST_CASE("the watchdog ends a simulation without events, and no other") {
  const int endless = status_of([] {
    const Watchdog watchdog{50ms};
    compute(true);
  });
  CHECK(WIFSIGNALED(endless));
  CHECK(WTERMSIG(endless) == SIGXCPU);
  CHECK(status_of([] {
          const Watchdog watchdog{50ms};
          compute(false);
        }) == 0);
  CHECK(status_of([] {
          {
            const Watchdog watchdog{1ms};
          }
          compute(false);
        }) == 0);
}
