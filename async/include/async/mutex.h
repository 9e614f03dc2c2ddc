// Mutex with priority inheritance. While a more urgent job waits, the owner runs with that job's
// priority. If the owner waits for another mutex, that mutex's owner inherits the priority, too,
// over any number of mutexes. unlock() hands the mutex to the most urgent waiter and makes it
// ready; the waiter never runs inside unlock(). Under a policy with deadlines, owners also inherit
// deadlines, and unlock() picks the waiter with the earliest one (policy.h).
//
//   auto guard = co_await mutex.lock("inode");     // released at the end of its scope
//
// A job, not a hart, owns a mutex, and may hold it across awaits. In the strand or in a parallel
// job.
//
// In worlds with parallel jobs owners inherit nothing, because only the owner's hart may change the
// owner's priority. There unlock() usually frees the mutex and makes the first waiter ready, which
// then tries to lock it. Until then other jobs may lock the mutex first. If it were handed over at
// once, it would be locked for as long as the waiter is on its way to run, and jobs would queue for
// it. unlock() hands the mutex over
//
// - to a waiter that is more urgent than the job that unlocks,
// - to the first waiter after one has tried `most_losses` times in vain, so no waiter starves.
//
// After its last unlock() a job may destroy the mutex, if no other job uses it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "async/frame_header.h"
#include "async/job_page.h"
#include "async/policy/heap.h"
#include "async/task.h"
#include "async/wait_list.h"

namespace async {

/// The waiters of a mutex. Under a policy with deadlines, a heap also sorts those that have one:
/// the earliest deadline first, equal ones by priority. In the strand.
///
/// While jobs wait, the mutex is listed at the priority of its first waiter, its level. The mutexes
/// of one owner at one level form a ring, and one of them, the leader, stands for the ring in a
/// list of the owner's JobPage. An owner's most urgent waiter is found by its leaders, at most one
/// for each priority, so the time does not depend on the number of mutexes. Each page of jobs has
/// four such lists, each with about JobPage::count() / 4 owners at most.
///
///   JobPage::contended[n] ──► leader ──next_leader_──► leader of another owner or level ──► …
///                               └──next_of_level_──► the ring's next mutex ──► … ──► leader
class MutexWaiters : public WaitList {
 public:
  MutexWaiters() noexcept : WaitList(Kind::mutex) {}

  /// The waiters for which `job` waits; null if it does not wait for a mutex.
  static MutexWaiters* of(const Job& job) noexcept {
    Node* const target = job.kind == Kind::waiting ? job.waits_for() : nullptr;
    return target != nullptr && target->kind == Kind::mutex ? static_cast<MutexWaiters*>(target)
                                                            : nullptr;
  }

 private:
  friend class Executor;
  friend class Mutex;

  static constexpr std::uint8_t unlisted = 0xff;

  bool is_listed() const noexcept { return level_ != unlisted; }
  /// Lists the mutex at the priority of its first waiter; without a waiter, unlists it. Called
  /// after the list of waiters has changed.
  void update_level() noexcept;
  /// Unlists the mutex, if it is listed. Called before its owner changes.
  void unlist() noexcept;
  /// Makes this mutex the leader of its ring, in the list of leaders between `link` and `next`.
  void lead(MutexWaiters** link, MutexWaiters* next) noexcept;

  /// Calls `visit` for one mutex, the leader, of each level at which jobs wait for a mutex of
  /// `owner`.
  template <class Visit>
  static void for_each_leader_of(const Job& owner, Visit visit) noexcept {
    for (MutexWaiters* leader = JobPage::of(owner).contended_of(owner); leader != nullptr;
         leader = leader->next_leader_) {
      if (leader->owner() == &owner) visit(*leader);
    }
  }
  /// Calls `visit` for each mutex of this one's ring: the same owner, the same level.
  template <class Visit>
  void for_each_of_level(Visit visit) noexcept {
    MutexWaiters* at = this;
    do {
      visit(*at);
      at = at->next_of_level_;
    } while (at != this);
  }
  /// Calls `visit` for all mutexes that are listed.
  template <class Visit>
  static void for_each_listed(Visit visit) noexcept {
    for (JobPage* page = JobPage::newest(); page != nullptr; page = page->next) {
      for (MutexWaiters* leader : page->contended) {
        for (; leader != nullptr; leader = leader->next_leader_) leader->for_each_of_level(visit);
      }
    }
  }

  policy::JobHeap by_deadline_;
  MutexWaiters* next_of_level_ = nullptr;
  MutexWaiters* previous_of_level_ = nullptr;
  MutexWaiters** link_ = nullptr;        // in a leader, the link that points to it; else null
  MutexWaiters* next_leader_ = nullptr;  // valid in a leader
  std::uint8_t level_ = unlisted;
  bool must_hand_over_ = false;  // by the next unlock(). Only in worlds with parallel jobs
};

class Mutex {
 public:
  /// Ownership of the mutex; empty if lock_or_cancel() was cut short. The job that locked the mutex
  /// must unlock it.
  class [[nodiscard]] Guard {
   public:
    Guard() noexcept = default;
    explicit Guard(Mutex* mutex) noexcept : mutex_(mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&& other) noexcept {
      std::swap(mutex_, other.mutex_);
      return *this;
    }
    ~Guard() { unlock(); }
    void unlock() noexcept {
      if (mutex_ != nullptr) std::exchange(mutex_, nullptr)->unlock();
    }
    /// Empties the guard without unlocking. The job still owns the mutex: see pass_on().
    void release() noexcept { mutex_ = nullptr; }
    explicit operator bool() const noexcept { return mutex_ != nullptr; }

   private:
    Mutex* mutex_ = nullptr;
  };

  /// In worlds with parallel jobs, a waiter for the mutex waits in an Attempt. When the wait has
  /// ended, the executor resumes the Attempt. It tries to lock the mutex. If another job has locked
  /// it meanwhile, it waits again. Otherwise it resumes the job's own coroutine.
  class Attempt : public ForgedFrame<PromiseBase> {
   public:
    Attempt() noexcept : ForgedFrame{resume} {}

    std::coroutine_handle<> before(std::coroutine_handle<> awaiter, Mutex& mutex,
                                   const char* reason, bool cancellable) noexcept {
      promise_.set_parent(awaiter);
      mutex_ = &mutex;
      reason_ = reason;
      cancellable_ = cancellable;
      return handle();
    }

   private:
    friend class Mutex;
    static void resume(void* frame) noexcept;

    Mutex* mutex_;
    const char* reason_;
    bool cancellable_;
    std::uint8_t losses_ = 0;
  };
  /// In other worlds the woken job owns the mutex.
  struct NoAttempt {
    static std::coroutine_handle<> before(std::coroutine_handle<> awaiter, Mutex&, const char*,
                                          bool) noexcept {
      return awaiter;
    }
  };

  class [[nodiscard("co_await it")]] LockOp {
   public:
    LockOp(Mutex& mutex, const char* reason, bool cancellable) noexcept
        : mutex_(mutex), reason_(reason), cancellable_(cancellable) {}
    LockOp(const LockOp&) = delete;

    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> self) noexcept {
      const auto resumed = attempt_.before(self, mutex_, reason_, cancellable_);
      mutex_.wait_for_owner(resumed, reason_, cancellable_);
    }
    Guard await_resume() const noexcept {
      Job& job = current_job();
      job.flags_ &= ~Job::flag_must_finish;
      if (job.result() == WaitResult::woken) [[likely]]
        return Guard(&mutex_);
      mutex_.withdraw();
      return Guard();
    }

   private:
    Mutex& mutex_;
    const char* reason_;
    bool cancellable_;
    [[no_unique_address]] std::conditional_t<platform::parallel_jobs, Attempt, NoAttempt> attempt_;
  };

  /// Not a cancellation point: the guard always holds the mutex.
  LockOp lock(const char* reason = "mutex") noexcept { return LockOp(*this, reason, false); }
  /// A cancellation point: the guard is empty if the wait was cut short.
  LockOp lock_or_cancel(const char* reason = "mutex") noexcept {
    return LockOp(*this, reason, true);
  }
  Guard try_lock() noexcept {
    return waiters_.owner_.try_take(platform::job()) ? Guard(this) : Guard();
  }
  Job* owner() const noexcept { return waiters_.owner(); }
  bool is_awaited() const noexcept { return !waiters_.empty(); }

  // For a mutex that represents a lock which jobs acquire and release without a guard. Only in
  // worlds without parallel jobs.

  /// Makes `job` the owner of a mutex without an owner. Null: removes the owner, while no job
  /// waits.
  void set_owner(Job* job) noexcept {
    waiters_.unlist();
    waiters_.set_owner(job);
  }
  /// Passes the mutex from its owner to the next waiter, whose lock() returns a guard. The waiter
  /// may empty that guard with Guard::release() and own the mutex without it.
  void pass_on() noexcept { unlock(); }

 private:
  friend class Executor;

  void wait_for_owner(std::coroutine_handle<> self, const char* reason, bool cancellable) noexcept;
  static constexpr bool is_inherited = !platform::parallel_jobs;

  void unlock() noexcept {
    if constexpr (is_inherited) {
      if (waiters_.is_listed()) [[unlikely]]
        return wake_next();
      waiters_.set_owner(nullptr);
    } else {
      if (!waiters_.owner_.try_give_back()) [[unlikely]]
        unlock_awaited();
    }
  }
  ASYNC_SLOW_PATH void wake_next() noexcept;

  // Only in worlds with parallel jobs.

  static constexpr unsigned most_losses = 4;
  ASYNC_SLOW_PATH void unlock_awaited() noexcept;
  void wake_first() noexcept;
  bool lock_again(Job& job, Attempt& attempt) noexcept;
  /// Locks the mutex for the running job. False: the job must wait, and the hart holds the lock of
  /// the list.
  bool lock_slowly(Job& job) noexcept;
  bool lock_or_begin_to_wait(Job& job) noexcept;
  /// Waits a moment while the owner's step runs on another hart. True: the mutex is free.
  bool is_soon_free() const noexcept;
  // The wait of a waiter was cut short: recomputes the owner's priority, which may be inherited
  // from that waiter.
  ASYNC_SLOW_PATH void withdraw() noexcept;

  MutexWaiters waiters_;
};

inline bool Mutex::LockOp::await_ready() const noexcept {
  Job& job = current_job();
  if (cancellable_ && job.refuses_to_wait()) return true;
  if (!mutex_.waiters_.owner_.try_take(&job)) {
    if (!platform::parallel_jobs || !mutex_.lock_slowly(job)) return false;
  }
  job.set_result(WaitResult::woken);
  return true;
}

}  // namespace async
