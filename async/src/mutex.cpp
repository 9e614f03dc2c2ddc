// The contended half of Mutex: queueing, handing over, and whose priority counts for whom.
#include "async/mutex.h"

#include "async/deadlock.h"

namespace async {

void Mutex::wait_for_owner(std::coroutine_handle<> self, const char* reason,
                           bool cancellable) noexcept {
  Job& job = current_job();
  if (!cancellable) job.flags_ |= Job::flag_must_finish;
  job.prepare(&waiters_, reason);
  waiters_.insert(job);
  job.suspend(self);
  set_contended(true);
  current_executor().inherit(*owner());
  look_for_deadlock(job);
}

void Mutex::hand_over() noexcept {
  Job& before = *owner();
  Job* const after = waiters_.empty()              ? nullptr
                     : Executor::deadlines_in_use_ ? Executor::first_due(waiters_)
                                                   : static_cast<Job*>(waiters_.next);
  waiters_.set_owner(after);
  if (after != nullptr) after->complete(WaitResult::woken);
  if (waiters_.empty()) set_contended(false);
  current_executor().inherit(before);
  if (after != nullptr) current_executor().inherit(*after);
}

void Mutex::withdraw() noexcept {
  if (waiters_.empty()) set_contended(false);
  if (owner() != nullptr) current_executor().inherit(*owner());
}

void Mutex::set_contended(bool contended) noexcept {
  if (contended == contended_) return;
  contended_ = contended;
  Mutex** at = &Executor::contended_;
  if (contended) {
    next_contended_ = *at;
    *at = this;
  } else {
    while (*at != this) at = &(*at)->next_contended_;
    *at = next_contended_;
  }
}

}  // namespace async
