// MultiWait: waits on several lists at once until one of them is woken (ppoll). It only observes:
// each wake of a list also wakes all its observers, and no observer uses up the wake. So check the
// state again after the wait.
//
//   MultiWait wait;
//   Observer entries[n];                           // must outlive `wait`
//   for (…) wait.watch(entries[i], lists[i]);      // from here on no wake is missed
//   if (nothing is ready) result = co_await wait.until(deadline, "poll");
//
// In the strand, or in a step that shares it and holds the locks of the lists. The waiting
// coroutine owns the MultiWait. A list that has an observer is woken in the strand, also by a
// parallel job (list_lock.h).
//
// A MultiWait is one kind of Watcher. Objects that outlive a wait derive from Watcher, too, and
// learn of the wakes of lists without a job of their own (kernel/files/epoll.h).
#pragma once

#include <coroutine>

#include "async/wait_list.h"

namespace async {

class Watcher;

struct Observer : Entry {
  Observer() noexcept : Entry(Kind::observer, 0, nullptr) {}
  ~Observer() { leave(); }
  /// Stops watching. Does nothing if the observer watches no list.
  void stop() noexcept {
    leave();
    reset();
  }
  Watcher* watcher = nullptr;
};

/// An object that learns of the wakes of lists.
class Watcher {
 public:
  Watcher(const Watcher&) = delete;

  /// Adds `list`; `entry` is linked into it until it is woken or destroyed. It may be linked
  /// already, into this list only: then nothing changes.
  void watch(Observer& entry, WaitList& list) noexcept {
    entry.watcher = this;
    const ListLock::Guard guard(list.lock());
    if (!entry.alone()) return;
    list.insert_observer(entry);
    entry.list = &list;
  }

 protected:
  /// Called in the strand, when a list wakes: the observer is in no list any more. Interrupts are
  /// masked. The function may watch other lists, but not this one.
  using Notify = void (*)(Watcher& watcher) noexcept;

  /// The same for a caller that shares the strand, and holds the lock of the list's object. Sets
  /// `woken` to a job for Job::complete_sharing(), or leaves it null. False: only the strand can
  /// notify the object now, and nothing has changed.
  using NotifySharing = bool (*)(Watcher& watcher, Job*& woken) noexcept;

  /// `notify_sharing`: null if only the strand notifies the object.
  explicit Watcher(Notify notify, NotifySharing notify_sharing = nullptr) noexcept
      : notify_(notify), notify_sharing_(notify_sharing) {}
  ~Watcher() = default;

 private:
  friend class WaitList;
  Notify notify_;
  NotifySharing notify_sharing_;
};

class MultiWait : public Watcher {
 public:
  MultiWait() noexcept : Watcher(&notify) {
    if (job_.is_parallel()) platform::fail("a MultiWait needs a job of the strand");
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
      wait_.suspend(self, reason_);
      timer_.arm(deadline_);
    }
    WaitResult await_resume() noexcept {
      const WaitResult result = wait_.end();
      wait_.woken_ = false;
      return result;
    }

   private:
    MultiWait& wait_;
    Instant deadline_;
    const char* reason_;
    WaitTimer timer_;
  };

  /// Waits until one of the lists is woken, or until `deadline`. A cancellation point.
  Op until(Instant deadline, const char* reason) noexcept { return Op(*this, deadline, reason); }

  // For awaiters of their own. The end of the wait must call end().

  void suspend(std::coroutine_handle<> leaf, const char* reason) noexcept {
    job_.prepare(nullptr, reason);
    job_.suspend_alone(leaf);
    waiting_ = true;
  }
  WaitResult end() noexcept {
    waiting_ = false;
    return job_.result();
  }
  /// The job, if its wait has not ended yet; null otherwise.
  Job* waiting_job() const noexcept { return job_.kind == Kind::waiting ? &job_ : nullptr; }

 private:
  static void notify(Watcher& watcher) noexcept {
    auto& self = static_cast<MultiWait&>(watcher);
    self.woken_ = true;
    if (self.waiting_) self.job_.complete(WaitResult::woken);
  }

  Job& job_ = current_job();
  bool woken_ = false;
  bool waiting_ = false;  // the job waits in until(); if not, a wake only sets woken_
};

}  // namespace async
