// The clock is Linux's monotonic clock. Each hart has a POSIX timer, which sends the hart a signal.
#include <hal/hosted.h>
#include <hal/interrupts.h>
#include <hal/timer.h>

#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "hart.h"

namespace hal {
namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

constinit std::uint64_t entry_ns = 0;
constinit thread_local timer_t timer{};
/// The expiry of the hart's POSIX timer. To save system calls, set_timer() arms the timer only for
/// an earlier time: deadlines are often postponed, and an early interrupt is harmless.
constinit thread_local std::uint64_t armed_ns = no_deadline;

std::uint64_t host_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * ns_per_second +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void hosted::start_clock() {
  entry_ns = host_ns();
}

void hosted::make_timer() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = timer_signal();
  event._sigev_un._tid = gettid();
  timer_create(CLOCK_MONOTONIC, &event, &timer);
}

std::uint64_t now_ns() {
  return host_ns() - entry_ns;
}

std::uint64_t ticks_at(std::uint64_t ns) {
  return ns;
}

void set_timer(std::uint64_t deadline) {
  using namespace hosted;
  const InterruptGuard masked;
  if ((pending.fetch_and(~interrupt::timer) & interrupt::timer) != 0) armed_ns = no_deadline;
  if (deadline >= armed_ns) return;
  if (deadline <= now_ns()) {
    raise(hart_index(), interrupt::timer);
    return;
  }
  armed_ns = deadline;
  const std::uint64_t at = deadline + entry_ns;
  itimerspec setting{};
  setting.it_value = {.tv_sec = static_cast<time_t>(at / ns_per_second),
                      .tv_nsec = static_cast<long>(at % ns_per_second)};
  timer_settime(timer, TIMER_ABSTIME, &setting, nullptr);
}

}  // namespace hal
