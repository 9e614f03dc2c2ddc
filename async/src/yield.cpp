// park(): the only wait that interrupt handlers and code outside the strand end through a pointer
// to the job.
#include "async/yield.h"

namespace async {

bool ParkOp::await_ready() const noexcept {
  Job& job = current_job();
  job.prepare(&job, reason);
  return job.refuses_to_wait();
}

bool ParkOp::await_suspend(std::coroutine_handle<> self) const noexcept {
  platform::begin_wait();
  Job& job = current_job();
  job.suspend_alone(self);
  // From here on interrupt handlers and other harts may push the job into its inbox.
  if ((job.park_.fetch_or(Job::park_waiting, std::memory_order_acq_rel) & Job::park_token) == 0) {
    return true;
  }
  // unpark() came first. Not a store: acquires the writes before each unpark() call.
  job.park_.fetch_and(Job::park_none, std::memory_order_acq_rel);
  job.kind = Kind::ready;
  job.set_result(WaitResult::woken);
  job.cancel_wait();
  return false;
}

}  // namespace async
