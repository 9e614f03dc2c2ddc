// How long the running step of a preemptible coroutine has been going on: its turn among equals,
// and whether it has stalled.
//
// A step is looked at when it has run for a turn and at every turn's length from there, by a timer
// that is set only while such steps run. Time in which a step was preempted does not count.
//
// Stalls are reported only if watch_stalls() was called. By the clock of a busy host they are
// mostly about the host.
//
// A hart that is alone has no look at the clock to spare where the strand's steps begin and end. If
// stalls are reported, the same timer ticks on it while it is not idle: a step that masks a tick
// for too long has stalled. In company the strand's steps are measured.
//
// Harts that are counted (QEMU's -icount) run one at a time on one clock, which goes on while
// another hart runs. So a step in company is charged only with the time that no other hart can have
// had: since it began, every other hart has been idle.
#pragma once

#include <async/async.h>

#include <cstdint>

#include "harts/hart_timer.h"

namespace kernel {

/// What a preemptible coroutine computes before an equally urgent one has its turn: fixed
/// priorities, round robin within each.
inline constexpr async::Duration preemptible_slice{10'000'000};
/// A step that has gone on for longer without an await is reported, once.
inline constexpr async::Duration stall_limit{10'000'000};
/// A hart that is alone sees every step of the strand that goes on for longer than the limit by so
/// much, and some that are between.
inline constexpr async::Duration tick_alone{2'000'000};

/// The clock that measures stalls.
enum class StallClock : std::uint8_t {
  none,     ///< they are not reported
  shared,   ///< instructions, which the harts have one at a time
  by_hart,  ///< time, which every hart has for itself
};
/// Once, at boot, before the first hart begins.
void watch_stalls(StallClock clock);
bool stalls_are_watched();

/// What is known of a step; kept for one that is preempted.
struct StepTime {
  std::uint64_t started = 0;     ///< by the clock's ticks
  std::uint64_t began = 0;       ///< by the clock's ticks, less those it was preempted for
  std::uint64_t turn_began = 0;  ///< likewise
  bool turn_over = false;
  bool reported = false;

  /// While it is preempted the two are how long it has run.
  void stop() {
    const std::uint64_t now = hal::clock_ticks();
    began = now - began;
    turn_began = turn_over ? 0 : now - turn_began;
    turn_over = false;
  }
  void go_on() {
    const std::uint64_t now = hal::clock_ticks();
    began = now - began;
    turn_began = now - turn_began;
  }
};

/// The running step's.
extern constinit thread_local StepTime step_time;

namespace detail {

/// What this hart's timer has found out, for who looks at steps.
struct StepWatch {
  bool due = false;           ///< the running step is to be looked at
  std::uint64_t late_ns = 0;  ///< of the last timer that was late by much
};
extern constinit thread_local StepWatch step_watch;

void look_after_slice();
void look_at_step(const async::Job& job, std::uintptr_t pc);
void look_at_ended_step(const async::Job* job);

}  // namespace detail

/// A preemptible step begins: sees to it that it is looked at in time.
inline void watch_step() {
  const std::uint64_t now = hal::clock_ticks();
  step_time = {.started = now, .began = now, .turn_began = now};
  if (due(TimerSource::step) == hal::no_deadline) [[unlikely]]
    detail::look_after_slice();
}
/// It was preempted and goes on.
void watch_step_again(const StepTime& time);
/// The hart idles from the one to the other, which an interrupt has ended. `now`: by the clock's
/// ticks.
void steps_pause();
void steps_go_on(std::uint64_t now);

/// The timer that watches steps has gone off. ISR context.
void step_is_long();
/// In the kernel, after interrupts have been taken: looks at `job`'s step, interrupted at `pc`, if
/// it is time to.
inline void look_at_step(const async::Job& job, std::uintptr_t pc) {
  if (detail::step_watch.due) [[unlikely]]
    detail::look_at_step(job, pc);
}
/// The hart has not taken a timer's interrupt for so long. ISR context. (On a hart that is alone:
/// in company it may have waited for the strand, and there is a better measure.)
inline void timer_was_late(std::uint64_t ticks) {
  const std::uint64_t ns = ticks * hal::clock_period_ns();
  if (ns >= static_cast<std::uint64_t>(stall_limit.count()) && !hal::smp_active()) [[unlikely]]
    detail::step_watch.late_ns = ns;
}
/// In company, the strand is this hart's from the one to the other: a long step is seen at its end.
void strand_begins() noexcept;
void strand_ends() noexcept;
/// At a yield point, after interrupts have been taken: they had to wait for `job`'s step.
inline void look_at_ended_step(const async::Job* job) {
  if (detail::step_watch.late_ns != 0) [[unlikely]]
    detail::look_at_ended_step(job);
}

/// Reports stalled steps, for ever. If stalls are watched: a coroutine of its own on every hart,
/// more urgent than what it watches.
async::Task<> report_stalls();

}  // namespace kernel
