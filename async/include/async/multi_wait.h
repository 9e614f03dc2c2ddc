// MultiWait: waits on several lists at once until one of them is woken (ppoll). It only observes:
// each wake of a list also wakes all its observers, and no observer uses up the wake. So check the
// state again after the wait.
//
//   MultiWait wait;
//   Observer entries[n];                           // must outlive `wait`
//   for (…) wait.watch(entries[i], lists[i]);      // from here on no wake is missed
//   if (nothing is ready) result = co_await wait.until(deadline, "poll");
//
// In the strand. The waiting coroutine owns the MultiWait.
#pragma once

#include <coroutine>

#include "async/wait_list.h"

namespace async {

class MultiWait;

struct Observer : Entry {
  Observer() noexcept : Entry(Kind::observer, 0, nullptr) {}
  ~Observer() { unlink(); }
  /// Stops watching. Does nothing if the observer watches no list.
  void stop() noexcept {
    unlink();
    reset();
  }
  MultiWait* wait = nullptr;
};

class MultiWait {
 public:
  MultiWait() noexcept {
    if (job_.is_parallel()) platform::fail("a MultiWait needs a job of the strand");
  }
  MultiWait(const MultiWait&) = delete;

  /// Adds `list`; `entry` is linked into it until it is woken or destroyed.
  void watch(Observer& entry, WaitList& list) noexcept {
    entry.job = &job_;
    entry.wait = this;
    list.next->insert_before(entry);  // observers are before all other entries
  }
  /// Whether a list has been woken since watch() or the last until().
  bool woken() const noexcept { return woken_; }

  class [[nodiscard("co_await it")]] Op {
   public:
    Op(MultiWait& wait, Instant deadline, const char* reason) noexcept
        : wait_(wait), deadline_(deadline), reason_(reason) {}
    Op(const Op&) = delete;
    bool await_ready() const noexcept {
      if (wait_.job_.refuses_to_wait()) return true;
      wait_.job_.set_result(WaitResult::woken);
      return wait_.woken_;
    }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      wait_.job_.prepare(nullptr, reason_);
      wait_.job_.suspend_alone(self);
      wait_.waiting_ = true;
      timer_.arm(deadline_);
    }
    WaitResult await_resume() noexcept {
      wait_.waiting_ = wait_.woken_ = false;
      return wait_.job_.result();
    }

   private:
    MultiWait& wait_;
    Instant deadline_;
    const char* reason_;
    WaitTimer timer_;
  };

  /// Waits until one of the lists is woken, or until `deadline`. A cancellation point.
  Op until(Instant deadline, const char* reason) noexcept { return Op(*this, deadline, reason); }

 private:
  friend class WaitList;
  void notify() noexcept {
    woken_ = true;
    if (waiting_) job_.complete(WaitResult::woken);
  }

  Job& job_ = current_job();
  bool woken_ = false;
  bool waiting_ = false;  // the job waits in until(); if not, a wake only sets woken_
};

}  // namespace async
