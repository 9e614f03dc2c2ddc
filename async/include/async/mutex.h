// Mutex with priority inheritance: while somebody more urgent waits, the owner runs with that
// priority, and so does whoever the owner waits for in turn, over any number of mutexes. unlock()
// hands the mutex to the most urgent waiter; that one runs when its turn comes, never inside
// unlock(). Under a policy of deadlines the same is true of these (policy.h).
//
//   auto guard = co_await mutex.lock("inode");     // released at the end of its scope
//
// A mutex is held across awaits and by one job (not by a hart). In the strand.
#pragma once

#include <coroutine>
#include <utility>

#include "async/job_page.h"
#include "async/wait_list.h"

namespace async {

class Mutex {
 public:
  /// Ownership of the mutex; empty if a cancellable lock was cut short. Unlocked by the job that
  /// locked it.
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
    /// The job has it on, and gives it back otherwise: see pass_on().
    void release() noexcept { mutex_ = nullptr; }
    explicit operator bool() const noexcept { return mutex_ != nullptr; }

   private:
    Mutex* mutex_ = nullptr;
  };

  class [[nodiscard("co_await it")]] LockOp {
   public:
    LockOp(Mutex& mutex, const char* reason, bool cancellable) noexcept
        : mutex_(mutex), reason_(reason), cancellable_(cancellable) {}
    LockOp(const LockOp&) = delete;

    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> self) const noexcept {
      mutex_.wait_for_owner(self, reason_, cancellable_);
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
  };

  /// Not a cancellation point: the guard always holds the mutex.
  LockOp lock(const char* reason = "mutex") noexcept { return LockOp(*this, reason, false); }
  /// A cancellation point: the guard is empty if the wait was cut short.
  LockOp lock_or_cancel(const char* reason = "mutex") noexcept {
    return LockOp(*this, reason, true);
  }
  Guard try_lock() noexcept {
    if (owner() != nullptr) return Guard();
    waiters_.set_owner(&current_job());
    return Guard(this);
  }
  Job* owner() const noexcept { return waiters_.owner(); }
  bool is_awaited() const noexcept { return !waiters_.empty(); }

  // One that stands for something that jobs take and give back unseen, without a guard.

  /// Makes `job` the owner; the mutex had none. Null: removes the owner; no job waits then.
  void set_owner(Job* job) noexcept {
    set_contended(false);
    waiters_.set_owner(job);
  }
  /// The owner has it no more. The next waiter has, and a guard that it may release().
  void pass_on() noexcept { unlock(); }

 private:
  friend class Executor;

  void wait_for_owner(std::coroutine_handle<> self, const char* reason, bool cancellable) noexcept;
  void unlock() noexcept {
    if (!contended_) [[likely]] {
      waiters_.set_owner(nullptr);
    } else {
      hand_over();
    }
  }
  ASYNC_SLOW_PATH void hand_over() noexcept;
  // A waiter has gone: the owner may have inherited from it.
  ASYNC_SLOW_PATH void withdraw() noexcept;

  // Contended mutexes are found by their owners, in a time that does not depend on how many there
  // are: each page of jobs has four lists of owners, of about JobPage::count / 4 at most.
  //
  //   JobPage::contended[n] ──► of one owner ──next_owners_──► of another one in the list ──► …
  //                                  └──next_of_owner_──► the owner's next one ──► …

  /// Links the mutex into its owner's list, or unlinks it.
  void set_contended(bool contended) noexcept;
  /// The link to the owner's first mutex; if it has none, the null link at the end of the list.
  static Mutex** find_first_of(const Job& owner) noexcept;
  static Mutex* first_of(const Job& owner) noexcept {
    const bool has_none = JobPage::of(owner).contended_of(owner) == nullptr;
    return has_none ? nullptr : *find_first_of(owner);
  }

  WaitList waiters_{Kind::mutex};
  bool contended_ = false;  // somebody waits, or did since the last hand_over()
  Mutex* next_of_owner_ = nullptr;
  Mutex* next_owners_ = nullptr;  // valid in an owner's first mutex
};

inline bool Mutex::LockOp::await_ready() const noexcept {
  Job& job = current_job();
  if (cancellable_ && job.refuses_to_wait()) return true;
  if (mutex_.owner() != nullptr) return false;
  mutex_.waiters_.set_owner(&job);
  job.set_result(WaitResult::woken);
  return true;
}

}  // namespace async
