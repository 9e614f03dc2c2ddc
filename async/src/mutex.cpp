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
  if constexpr (!is_inherited) return;
  if (Executor::uses_deadlines()) current_executor().sort_in(job);
  waiters_.update_level();
  current_executor().inherit(*owner());
  look_for_deadlock(job);
}

bool Mutex::spin_for_owner() noexcept {
  constexpr int rounds = 64;
  if (!current_job().is_parallel()) return false;
  for (int round = 0; round < rounds; ++round) {
    // A job that waits already gets the mutex first.
    if (!waiters_.empty() || !Executor::is_running(*owner())) return false;
    Strand::end_visit();
    for (int i = 0; i < 4; ++i) platform::relax();
    Strand::visit();
    if (owner() == nullptr) return true;
  }
  return false;
}

void Mutex::wake_next() noexcept {
  if constexpr (!is_inherited) {
    Job& next = *static_cast<Job*>(waiters_.next);
    waiters_.set_owner(&next);
    next.complete(WaitResult::woken);
    return;
  }
  Job& before = *owner();
  Job* const after = waiters_.empty()             ? nullptr
                     : Executor::uses_deadlines() ? Executor::first_due(waiters_)
                                                  : static_cast<Job*>(waiters_.next);
  waiters_.unlist();
  waiters_.set_owner(after);
  if (after != nullptr) {
    waiters_.update_level();  // before complete(), which needs the priority of the other waiters
    after->complete(WaitResult::woken);
    waiters_.update_level();
  }
  current_executor().inherit(before);
  if (after != nullptr) current_executor().inherit(*after);
}

void Mutex::withdraw() noexcept {
  if constexpr (!is_inherited) return;
  waiters_.update_level();
  if (owner() != nullptr) current_executor().inherit(*owner());
}

void MutexWaiters::update_level() noexcept {
  const std::uint8_t level = empty() ? unlisted : static_cast<Node*>(next)->priority;
  if (level == level_) return;
  unlist();
  if (level == unlisted) return;
  level_ = level;
  MutexWaiters*& first = JobPage::of(*owner()).contended_of(*owner());
  MutexWaiters* leader = first;
  while (leader != nullptr && (leader->owner() != owner() || leader->level_ != level)) {
    leader = leader->next_leader_;
  }
  if (leader == nullptr) {
    next_of_level_ = previous_of_level_ = this;
    lead(&first, first);
  } else {
    link_ = nullptr;
    next_of_level_ = leader;
    previous_of_level_ = leader->previous_of_level_;
    previous_of_level_->next_of_level_ = next_of_level_->previous_of_level_ = this;
  }
}

void MutexWaiters::unlist() noexcept {
  if (!is_listed()) return;
  if (link_ != nullptr) {
    if (next_of_level_ != this) {
      next_of_level_->lead(link_, next_leader_);
    } else {
      *link_ = next_leader_;
      if (next_leader_ != nullptr) next_leader_->link_ = link_;
    }
  }
  previous_of_level_->next_of_level_ = next_of_level_;
  next_of_level_->previous_of_level_ = previous_of_level_;
  level_ = unlisted;
}

void MutexWaiters::lead(MutexWaiters** link, MutexWaiters* next) noexcept {
  link_ = link;
  *link = this;
  next_leader_ = next;
  if (next != nullptr) next->link_ = &next_leader_;
}

}  // namespace async
