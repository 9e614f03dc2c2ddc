// The slow paths of ListLock: what a pool of one thread does not need.
#include "async/list_lock.h"

#include <utility>

#include "async/executor.h"

namespace async {

// Each fast path calls only functions that it can call last. So it saves few registers, although it
// must preserve most of them (ASYNC_SLOW_PATH).

bool RealListLock::take() noexcept {
  if (is_held()) return is_other_held();
  if (!lock_->try_take()) [[unlikely]]
    return wait_and_take();
  note_taken();
  return true;
}

bool RealListLock::is_other_held() const noexcept {
  // A thread outside the pool reaches this check, because its has_list_lock is set
  // (async_platform.h of HostPool).
  require_executor();
  if (use().held != lock_) platform::fail("a job uses an object while it uses another one");
  return false;
}

bool RealListLock::wait_and_take() noexcept {
  lock_->LeafLock::take();
  note_taken();
  return true;
}

RealListLock::Taken RealListLock::take_to_wake(const RealListLock& other) noexcept {
  if (is_held() || !lock_->try_take()) [[unlikely]]
    return take_to_wake_slowly(other);
  note_taken();
  if (needs_strand_ || other.needs_strand_) [[unlikely]]
    return enter_strand();
  return Taken::lock;
}

RealListLock::Taken RealListLock::take_to_wake_slowly(const RealListLock& other) noexcept {
  if (!take()) return Taken::nothing;
  return needs_strand_ || other.needs_strand_ ? enter_strand() : Taken::lock;
}

/// The hart holds the lock, and enters the strand unless it is in it.
RealListLock::Taken RealListLock::enter_strand() noexcept {
  if (Strand::is_held()) return Taken::lock;
  // Only a hart in the strand sets needs_strand_, so this hart need not look again.
  lock_->LeafLock::give_back();
  Strand::enter_apart();
  lock_->LeafLock::take();
  return Taken::lock_and_strand;
}

void RealListLock::give_back() noexcept {
  Use& here = use();
  platform::local().has_list_lock = false;
  here.held->LeafLock::give_back();
  if (here.first_woken != nullptr) wake_all();
}

void RealListLock::give_back(Taken taken) noexcept {
  give_back();
  if (taken == Taken::lock_and_strand) Strand::leave_apart();
}

void RealListLock::end_visit_smp() noexcept {
  Use& here = use();
  platform::local().has_list_lock = false;
  here.held->LeafLock::give_back();
  if (here.first_woken != nullptr || platform::local().in_strand) [[unlikely]]
    end_visit_slowly();
}

void RealListLock::end_visit_slowly() noexcept {
  if (use().first_woken != nullptr) wake_all();
  Strand::end_visit();
}

void RealListLock::wake_later(Job& job) noexcept {
  Use& here = use();
  job.next = nullptr;
  (here.first_woken == nullptr ? here.first_woken : here.last_woken->next) = &job;
  here.last_woken = &job;
}

void RealListLock::wake_all() noexcept {
  for (Link* link = std::exchange(use().first_woken, nullptr); link != nullptr;) {
    Job& job = static_cast<Job&>(*link);
    link = link->next;  // first read `next`: the job may run on its hart at once
    job.complete_alone(job.result());
  }
}

}  // namespace async
