// SharingTimer: the timer of a wait whose steps may share the strand (strand.h). It is armed in the
// wheel of the hart on which the wait begins. When it is due, this hart fires it in the strand, or
// while it shares the strand.
//
//   hart 0  ──( waits, arms )──( fires: takes the job )──▶      ( ) shares the strand
//   hart 1  ──────( wakes: takes the job )───────────────▶
//
// The timer and a waker both take the job out of the list in which it waits, under the list's
// LeafLock. So one of them ends the wait. All other ends of the wait are in the strand.
#pragma once

#include "async/executor.h"
#include "async/job.h"
#include "async/timer.h"

namespace async {

/// A base of the wait's awaiter.
class SharingTimer : public Timer {
 public:
  /// The job whose wait ends, and the wait's result. A null job: the wait has ended already.
  struct Ended {
    Job* job = nullptr;
    WaitResult result{};
  };
  /// Takes the job out of its list, under the list's lock.
  using End = Ended (*)(SharingTimer& timer) noexcept;

  SharingTimer(End end, Instant deadline) noexcept : Timer(&fire, deadline), end_(end) {}
  ~SharingTimer() { disarm(); }

  // In the strand, or in a step that shares it.

  void arm() noexcept {
    if (deadline() != never) current_executor().arm(*this, deadline());
  }
  /// A step that shares the strand enters it if another hart's wheel may have the timer.
  void disarm() noexcept {
    if (last_wheel() == nullptr) return;
    if (Strand::is_shared() && !current_executor().has_wheel(*last_wheel())) Strand::stop_sharing();
    Executor::disarm(*this);
  }

  /// The timer's action.
  static void fire(Timer& timer) noexcept;

 private:
  End end_;
};

}  // namespace async
