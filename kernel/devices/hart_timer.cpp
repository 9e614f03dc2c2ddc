#include "devices/hart_timer.h"

#include <async/async.h>

#include <algorithm>

#include "devices/faulty_ipis.h"

namespace kernel {

constinit thread_local Deadlines deadlines = [] {
  Deadlines none;
  none.fill(hal::no_deadline);
  return none;
}();

namespace {

/// Whether `what` is due. If so, disarms it.
bool take_if_due(TimerSource what, std::uint64_t now) {
  if (due(what) > now) return false;
  deadlines[std::to_underlying(what)] = hal::no_deadline;
  return true;
}

/// Programs the hart's timer, which a fault may make late.
void program_timer() {
  std::uint64_t tick = next_due();
  if constexpr (async::platform::injects_faults) {
    constexpr std::uint64_t latest_ns = 1'000'000;
    const std::uint64_t late_ns = async::inject_delay(async::Fault::timer, latest_ns);
    if (late_ns != 0 && tick != hal::no_deadline) tick += hal::ticks_at(late_ns) - hal::ticks_at(0);
  }
  hal::set_timer(tick);
}

}  // namespace

void set_due(TimerSource what, std::uint64_t ns) noexcept {
  set_due_at(what, ns == hal::no_deadline ? ns : hal::ticks_at(ns));
}

void set_due_at(TimerSource what, std::uint64_t tick) noexcept {
  deadlines[std::to_underlying(what)] = std::max(tick, hal::clock_ticks());
  program_timer();
}

[[gnu::noinline]] void timer_fired() {
  const std::uint64_t now = hal::clock_ticks();
  timer_handlers->late(now - std::min(now, next_due()));
  if (take_if_due(TimerSource::alarm, now)) async::current_executor().alarm_fired();
  if (take_if_due(TimerSource::timeslice, now)) timer_handlers->timeslice();
  if (take_if_due(TimerSource::step, now)) timer_handlers->step();
  if constexpr (async::platform::injects_faults) {
    if (take_if_due(TimerSource::delayed_ipi, now)) send_delayed_ipis();
  }
  program_timer();
}

}  // namespace kernel
