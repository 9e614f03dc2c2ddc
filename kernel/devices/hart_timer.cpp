#include "devices/hart_timer.h"

#include <async/async.h>

#include <algorithm>

namespace kernel {

constinit thread_local Deadlines deadlines{hal::no_deadline, hal::no_deadline, hal::no_deadline};

namespace {

/// Whether `what` is due. If so, disarms it.
bool take_if_due(TimerSource what, std::uint64_t now) {
  if (due(what) > now) return false;
  deadlines[std::to_underlying(what)] = hal::no_deadline;
  return true;
}

}  // namespace

void set_due(TimerSource what, std::uint64_t ns) noexcept {
  set_due_at(what, ns == hal::no_deadline ? ns : hal::ticks_at(ns));
}

void set_due_at(TimerSource what, std::uint64_t tick) noexcept {
  deadlines[std::to_underlying(what)] = std::max(tick, hal::clock_ticks());
  hal::set_timer(next_due());
}

[[gnu::noinline]] void timer_fired() {
  const std::uint64_t now = hal::clock_ticks();
  timer_handlers->late(now - std::min(now, next_due()));
  if (take_if_due(TimerSource::alarm, now)) async::current_executor().alarm_fired();
  if (take_if_due(TimerSource::timeslice, now)) timer_handlers->timeslice();
  if (take_if_due(TimerSource::step, now)) timer_handlers->step();
  hal::set_timer(next_due());
}

}  // namespace kernel
