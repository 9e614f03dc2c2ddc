// The slow paths of Mutex: waiting, handing over to a waiter, and priority inheritance.
#include "async/mutex.h"

#include <algorithm>

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

void Mutex::wake_next() noexcept {
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

// ── in worlds with parallel jobs ─────────────────────────────────────────────────────────────────
//
// While jobs wait, the owner's word has the bit `awaited`, and unlock() wakes the first one. Then
// the word is without this bit until the woken job has tried to lock the mutex. So meanwhile the
// other jobs lock and unlock it with one atomic operation each.

/// Spins while the owner's step runs on another hart. The owner may unlock the mutex and end at any
/// time, and its memory may be used again. So this function compares its address, but reads nothing
/// of it.
bool Mutex::is_soon_free() const noexcept {
  if (!Strand::smp_active() || !current_job().is_parallel()) return false;
  constexpr int most = 1'000;
  constexpr int most_at_once = 64;
  const Job* last_owner = nullptr;
  const Executor* runs_owner = nullptr;
  for (int all = 0, pauses = 1; all < most; all += pauses) {
    const Job* const owner = this->owner();
    if (owner == nullptr) return true;
    if (owner != last_owner) runs_owner = Executor::elsewhere_running(owner);
    last_owner = owner;
    if (runs_owner == nullptr || !runs_owner->is_seen_running(owner)) return false;
    for (int i = 0; i < pauses; ++i) platform::relax();
    pauses = std::min(2 * pauses, most_at_once);
  }
  return false;
}

bool Mutex::lock_slowly(Job& job) noexcept {
  return (is_soon_free() && waiters_.owner_.try_take(&job)) || lock_or_begin_to_wait(job);
}

bool Mutex::lock_or_begin_to_wait(Job& job) noexcept {
  waiters_.lock().visit();
  if (!waiters_.owner_.take_or_await(job, !waiters_.empty())) return false;
  ListLock::end_visit();
  return true;
}

void Mutex::unlock_awaited() noexcept {
  do {
    const ListLock::WakeGuard guard(waiters_.lock());
    if (!waiters_.empty()) return wake_first();
    waiters_.owner_.end_waits();
  } while (!waiters_.owner_.try_give_back());
}

void Mutex::wake_first() noexcept {
  Job& first = *static_cast<Job*>(waiters_.next);
  first.unlink();
  const Job* const before = platform::job();  // null: outside a step
  const bool is_urgent = before != nullptr && first.priority < before->priority;
  if (waiters_.must_hand_over_ || is_urgent) {
    waiters_.must_hand_over_ = false;
    waiters_.owner_.hand_over(first, !waiters_.empty());
  } else {
    waiters_.owner_.set(nullptr);
  }
  WaitList::end_wait_of(first, WaitResult::woken);
}

/// A waiter was woken, and does not own the mutex: tries to lock it. False: the job waits again.
bool Mutex::lock_again(Job& job, Attempt& attempt) noexcept {
  (void)is_soon_free();
  if (lock_or_begin_to_wait(job)) return true;
  if (attempt.cancellable_ && job.refuses_to_wait()) {
    ListLock::end_visit();
    return true;
  }
  if (++attempt.losses_ >= most_losses) waiters_.must_hand_over_ = true;
  job.prepare(&waiters_, attempt.reason_);
  waiters_.insert_first(job);
  job.suspend(attempt.handle());
  return false;
}

void Mutex::Attempt::resume(void* frame) noexcept {
  auto& attempt = from<Attempt>(frame);
  Mutex& mutex = *attempt.mutex_;
  Job& job = current_job();
  const bool is_woken = job.result() == WaitResult::woken;
  if (is_woken && mutex.owner() != &job && !mutex.lock_again(job, attempt)) return;
  attempt.promise_.parent().resume();
}

// ── inheritance ──────────────────────────────────────────────────────────────────────────────────

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
