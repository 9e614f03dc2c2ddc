#include "watchdog.h"

#include <sys/time.h>

#include <csignal>

namespace async::sim {
namespace {

constexpr int most_in_vain = 10;

/// Calls check() after each `time` of processor time; 0: no more calls.
void check_each(std::chrono::microseconds time) {
  const timeval each{.tv_sec = time.count() / 1'000'000, .tv_usec = time.count() % 1'000'000};
  const itimerval timer{.it_interval = each, .it_value = each};
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

}  // namespace

Watchdog::Watchdog(std::chrono::milliseconds most) {
  in_vain_ = 0;
  std::signal(SIGVTALRM, check);
  check_each(std::chrono::microseconds{most} / most_in_vain);
}

Watchdog::~Watchdog() {
  check_each({});
}

void Watchdog::check(int) {
  in_vain_ = seen_ == events_ ? in_vain_ + 1 : 0;
  seen_ = events_;
  if (in_vain_ == most_in_vain) std::raise(SIGXCPU);
}

}  // namespace async::sim
