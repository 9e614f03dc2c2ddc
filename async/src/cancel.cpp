#include "async/cancel.h"

namespace async {

Shield::Shield() noexcept : job_(current_job()), outer_(job_.flags_ & Job::flag_shielded) {
  platform::InterruptGuard masked;
  job_.flags_ |= Job::flag_shielded;
  job_.update_stopped();
}

Shield::~Shield() {
  if (outer_) return;
  platform::InterruptGuard masked;
  job_.flags_ &= ~Job::flag_shielded;
  job_.update_stopped();
}

DeadlineScope::DeadlineScope(Instant deadline) noexcept : job_(current_job()) {
  // A wake outside the strand may end the job's wait at the moment at which the deadline does.
  if (job_.is_parallel()) platform::fail("a parallel job cannot have a deadline");
  if (job_.migrates())
    platform::fail("a preemptible job with a deadline must be bound to one hart");
  if (deadline != never) current_executor().arm(timer_, deadline);
}

void DeadlineScope::Alarm::fire(Timer& timer) noexcept {
  DeadlineScope& scope = static_cast<Alarm&>(timer).scope;
  Job& job = scope.job_;
  scope.expired_ = true;
  if (++job.own_.expired == 0) platform::fail("more than 7 nested deadlines have expired");
  job.update_stopped();
  job.cut_short(WaitResult::timed_out);
}

void DeadlineScope::move(Instant deadline) noexcept {
  if (!active_ || expired_) return;
  Executor::disarm(timer_);
  if (deadline != never) current_executor().arm(timer_, deadline);
}

void DeadlineScope::forget_cut() noexcept {
  platform::InterruptGuard masked;
  current_job().flags_ &= ~Job::flag_cut;
}

bool DeadlineScope::leave() noexcept {
  if (!active_) return false;
  platform::InterruptGuard masked;
  active_ = false;
  Executor::disarm(timer_);
  if (!expired_) return false;
  const bool cut = (job_.flags_ & Job::flag_cut) != 0;
  if (--job_.own_.expired == 0) job_.flags_ &= ~Job::flag_cut;
  job_.update_stopped();
  return cut;
}

}  // namespace async
