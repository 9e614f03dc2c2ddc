// Measures how long the running step of a preemptible job has run: for its time slice among equally
// urgent jobs, and to detect a stall.
//
// A timer interrupt checks the step at the end of its time slice, and again after each further
// slice. The timer is set only while preemptible steps run. Time during which a step was preempted
// does not count.
//
// Stalls are reported only after watch_stalls(). On a busy host, clock time would mostly measure
// the host.
//
// Reading the clock at each step of the strand would cost too much. If stalls are reported, the
// timer ticks instead while the hart is not idle: a step that delays a tick for too long has
// stalled. The time for which a hart waits for the strand does not count.
//
// Counted harts (QEMU's -icount) run one at a time, and all advance one clock. So a step is charged
// only with the time in which every other hart was idle. A long step would never be reported while
// others run. So each step is charged with at least a tenth of its share, which is the time since
// it began, divided by the number of harts.
#pragma once

#include <async/async.h>

#include <cstdint>

#include "devices/hart_timer.h"

namespace kernel {

/// The time slice of a preemptible step: at its end an equally urgent job may preempt the step.
inline constexpr async::Duration preemptible_slice{10'000'000};
/// A step that runs for longer without an await is reported, once.
inline constexpr async::Duration stall_limit{10'000'000};
/// The period of the tick. The tick detects each step of the strand that exceeds stall_limit by a
/// period or more, and some of those that exceed it by less.
inline constexpr async::Duration stall_tick{2'000'000};

/// The clock that measures stalls.
enum class StallClock : std::uint8_t {
  none,     ///< stalls are not reported
  shared,   ///< instructions (-icount): one count for all harts, which run one at a time
  by_hart,  ///< real time, in which the harts run in parallel
};
/// Selects the clock. Call once, at boot, before the first hart starts.
void watch_stalls(StallClock clock);
bool stalls_are_watched();

/// Times of a step. They are saved while the step is preempted.
struct StepTime {
  std::uint64_t started = 0;      ///< tick of the clock at which the step began
  std::uint64_t began = 0;        ///< `started` plus the time for which the step was preempted
  std::uint64_t slice_began = 0;  ///< begin of its slice, plus the time preempted since
  bool slice_over = false;
  bool reported = false;

  /// The times of a step that is preempted now. In the result, `began` and `slice_began` are
  /// durations up to now. restart() makes times of them again.
  StepTime stopped() const {
    const std::uint64_t now = hal::clock_ticks();
    return {.started = started,
            .began = now - began,
            .slice_began = slice_over ? 0 : now - slice_began,
            .reported = reported};
  }
  void restart() {
    const std::uint64_t now = hal::clock_ticks();
    began = now - began;
    slice_began = now - slice_began;
  }
};

/// The times of the running step.
extern constinit thread_local StepTime step_time;

namespace detail {

/// Results of the timer interrupt, for the code that checks steps.
struct StepWatch {
  bool due = false;           ///< the running step must be checked
  std::uint64_t late_ns = 0;  ///< by how much a tick came late, at least stall_limit; 0: none did
};
extern constinit thread_local StepWatch step_watch;

void check_ended_step(const async::Job* job);

}  // namespace detail

/// Called when a preemptible step begins. Returns false if check_step_after_slice() must follow.
inline bool begin_step_time() {
  const std::uint64_t now = hal::clock_ticks();
  step_time = {.started = now, .began = now, .slice_began = now};
  return due(TimerSource::step) != hal::no_deadline;
}
/// Arms the timer that checks the running step.
void check_step_after_slice();
/// Called when a preempted step is resumed.
void watch_step_again(const StepTime& time);
/// Called when the hart begins to idle, and when an interrupt has ended the idle period. `now`:
/// ticks of the clock.
void pause_step_watch();
void resume_step_watch(std::uint64_t now);

/// Called when the timer of the running step has fired. Interrupt context.
void request_step_check();
/// Whether that has happened, and check_step() must be called.
inline bool step_check_is_due() {
  return detail::step_watch.due;
}
/// Called in the kernel after interrupts have been taken: checks the step of `job`, which was
/// interrupted at `pc`.
void check_step(const async::Job& job, std::uintptr_t pc);
/// Called by each timer interrupt, which came `ticks` late. Interrupt context. Records a delay of
/// stall_limit or more, but only on a hart that runs alone: with several harts,
/// check_strand_step() looks for the delay.
inline void timer_was_late(std::uint64_t ticks) {
  const std::uint64_t ns = ticks * hal::clock_period_ns();
  if (ns >= static_cast<std::uint64_t>(stall_limit.count()) && !hal::smp_active()) [[unlikely]]
    detail::step_watch.late_ns = ns;
}
/// Called if several harts run and this hart has waited for the strand, which it has just entered.
void note_wait_for_strand() noexcept;
/// Called if several harts run, an interrupt is pending, and this hart is about to leave the
/// strand: reports its step if the step has delayed a tick.
void check_strand_step() noexcept;
/// Called at a yield point after interrupts have been taken: reports the ended step of `job` if it
/// delayed a tick.
inline void check_ended_step(const async::Job* job) {
  if (detail::step_watch.late_ns != 0) [[unlikely]]
    detail::check_ended_step(job);
}

/// Logs stalled steps, for ever. Spawn one on every hart if stalls are watched, more urgent than
/// the jobs that it watches.
async::Task<> report_stalls();

}  // namespace kernel
