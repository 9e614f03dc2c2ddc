// The slow paths of Mutex: waiting, handing over to a waiter, and priority inheritance.
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
  if (Executor::uses_deadlines()) current_executor().sort_in(job);
  set_contended(true);
  current_executor().inherit(*owner());
  look_for_deadlock(job);
}

void Mutex::wake_next() noexcept {
  Job& before = *owner();
  Job* const after = waiters_.empty()             ? nullptr
                     : Executor::uses_deadlines() ? Executor::first_due(waiters_)
                                                  : static_cast<Job*>(waiters_.next);
  set_contended(false);
  waiters_.set_owner(after);
  if (after != nullptr) {
    set_contended(true);  // before complete(), which needs the priority inherited from the waiters
    after->complete(WaitResult::woken);
    if (waiters_.empty()) set_contended(false);
  }
  current_executor().inherit(before);
  if (after != nullptr) current_executor().inherit(*after);
}

void Mutex::withdraw() noexcept {
  if (waiters_.empty()) set_contended(false);
  if (owner() != nullptr) current_executor().inherit(*owner());
}

Mutex** Mutex::find_first_of(const Job& owner) noexcept {
  Mutex** at = &JobPage::of(owner).contended_of(owner);
  while (*at != nullptr && (*at)->owner() != &owner) at = &(*at)->next_owners_;
  return at;
}

void Mutex::set_contended(bool contended) noexcept {
  if (contended == contended_) return;
  contended_ = contended;
  Mutex** at = find_first_of(*owner());
  if (contended) {
    next_of_owner_ = *at;
    next_owners_ = *at == nullptr ? nullptr : (*at)->next_owners_;
    *at = this;
  } else if (*at == this) {
    if (next_of_owner_ != nullptr) next_of_owner_->next_owners_ = next_owners_;
    *at = next_of_owner_ != nullptr ? next_of_owner_ : next_owners_;
  } else {
    while (*at != this) at = &(*at)->next_of_owner_;
    *at = next_of_owner_;
  }
}

}  // namespace async
