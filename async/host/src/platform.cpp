// The platform's functions that are no fast paths: the clock, sleeping threads, memory and failure.
#include <async_platform.h>

#include <cstdio>
#include <cstdlib>

#include "async/executor.h"

namespace async::platform {
namespace {

constexpr unsigned steps_between_looks = 64;

/// Sleeps until send_ipi() or `alarm`.
void sleep(Hart& hart, std::uint64_t alarm) {
  const auto is_called = [&] { return hart.state.load(std::memory_order_acquire) == Hart::called; };
  std::unique_lock lock(hart.mutex);
  if (alarm == Thread::no_alarm) return hart.called_up.wait(lock, is_called);
  const std::chrono::steady_clock::time_point due{std::chrono::nanoseconds(alarm)};
  (void)hart.called_up.wait_until(lock, due, is_called);
}

}  // namespace

void look_at_clock() noexcept {
  this_thread.steps_until_look = steps_between_looks;
  if (this_thread.alarm > now_ns()) return;
  this_thread.alarm = Thread::no_alarm;
  this_thread.local.executor->alarm_fired();
}

void wake_thread(Hart& hart) noexcept {
  {
    const std::lock_guard lock(hart.mutex);
  }  // the thread waits already, or sees `called`
  hart.called_up.notify_one();
}

void idle(std::uint64_t spin_ns, bool (*has_work)() noexcept) noexcept {
  Hart& hart = harts[this_thread.hart];
  this_thread.steps_until_look = 0;  // after the wait the alarm may be due
  const std::uint64_t start = now_ns();
  const std::uint64_t alarm = this_thread.alarm;
  for (std::uint64_t now = start; now - start < spin_ns; now = now_ns()) {
    for (int round = 0; round < 32; ++round) {
      if (has_work()) return;
      relax();
    }
    if (now >= alarm) return;
  }
  hart.sleeps.fetch_add(1);
  hart.has_nothing_to_do.store(alarm == Thread::no_alarm);
  std::uint32_t state = Hart::awake;
  if (hart.state.compare_exchange_strong(state, Hart::asleep, std::memory_order_acq_rel))
    sleep(hart, alarm);
  hart.has_nothing_to_do.store(false);
  hart.state.exchange(Hart::awake, std::memory_order_acq_rel);
}

[[noreturn]] void fail(const char* message) noexcept {
  std::fprintf(stderr, "async: %s\n", message);
  std::abort();
}

}  // namespace async::platform
