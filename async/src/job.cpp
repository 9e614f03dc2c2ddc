// Cancellation: which waits it cuts short, and which waits pass it on to the jobs they wait for.
#include "async/job.h"

#include "async/executor.h"
#include "async/scope.h"
#include "async/spawn.h"

namespace async {

void Job::cancel() noexcept {
  require_executor();
  // The job's hart may run the job's step, or end its wait, at this very moment.
  if (is_preemptible()) platform::fail("a preemptible job cannot be cancelled");
  platform::InterruptGuard masked;
  Strand::check_access_unless([this] { return this == platform::job(); });
  if (is_cancelled()) return;
  flags_ |= flag_cancelled;
  update_stopped();
  cut_short(WaitResult::cancelled);
}

void Job::update_stopped() noexcept {
  const bool wanted = (flags_ & flag_cancelled) != 0 || own_.expired != 0;
  const bool shielded = (flags_ & flag_shielded) != 0;
  flags_ = wanted && !shielded ? flags_ | flag_stopped : flags_ & ~flag_stopped;
}

void Job::refuse() noexcept {
  if (is_cancelled()) {
    result_ = WaitResult::cancelled;
  } else {
    result_ = WaitResult::timed_out;
    flags_ |= flag_cut;
  }
}

void Job::cut_short(WaitResult result) noexcept {
  if (kind != Kind::waiting || (flags_ & (flag_shielded | flag_must_finish)) != 0) return;
  if (result == WaitResult::timed_out) flags_ |= flag_cut;

  if (waits_for_ == this) {  // parked; if unpark() has pushed the job already, its wake counts
    std::uint8_t expected = park_waiting;
    if (park_.compare_exchange_strong(expected, park_none)) complete(result);
    return;
  }
  switch (waits_for_ == nullptr ? Kind::list : waits_for_->kind) {
    case Kind::ready:
    case Kind::waiting:
    case Kind::done: static_cast<Job*>(waits_for_)->cancel(); break;
    case Kind::group:
      for (Job* job : static_cast<JoinGroup*>(waits_for_)->jobs) job->cancel();
      break;
    case Kind::scope: static_cast<Scope*>(waits_for_)->cancel(); break;
    default: complete(result);
  }
}

}  // namespace async
