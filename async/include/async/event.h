// Event: a condition that is on or off. set() turns it on and wakes all waiters. Until clear(),
// waits return at once.
//
// AutoEvent: a signal. set() wakes one waiter; if there is none, the next wait returns at once.
// Task context, in the strand or in a parallel job. A woken job may destroy the event at once, if
// no other job uses it.
#pragma once

#include "async/wait_list.h"

namespace async {

class Event {
 public:
  explicit Event(bool set = false) noexcept : set_(set) {
    waiters_.wakes_when<&Event::is_set>(*this, true);
  }

  void set() noexcept {
    const ListLock::WakeGuard guard(waiters_.lock());
    set_ = true;
    waiters_.wake_all();
  }
  void clear() noexcept {
    const ListLock::Guard guard(waiters_.lock());
    set_ = false;
  }
  bool is_set() const noexcept { return set_; }

  /// Waits until the event is on. A cancellation point.
  WaitOp wait(const char* reason = "event") noexcept {
    return WaitOp(waiters_, reason, [this] { return set_; });
  }
  Timed<WaitOp> wait_until(Instant deadline, const char* reason = "event") noexcept {
    return Timed<WaitOp>(deadline, waiters_, reason, [this] { return set_; });
  }

 private:
  WaitList waiters_;
  bool set_;
};

class AutoEvent {
 public:
  AutoEvent() noexcept { waiters_.wakes_when<&AutoEvent::is_set>(*this); }

  [[gnu::always_inline]] void set() noexcept {
    platform::InterruptGuard masked;
    const ListLock::WakeGuard guard(waiters_.lock());
    if (!waiters_.wake_first()) set_ = true;
  }
  bool is_set() const noexcept { return set_; }

  /// Waits for a set() and consumes it. A cancellation point.
  WaitOp wait(const char* reason = "event") noexcept {
    return WaitOp(waiters_, reason, [this] { return take(); });
  }
  Timed<WaitOp> wait_until(Instant deadline, const char* reason = "event") noexcept {
    return Timed<WaitOp>(deadline, waiters_, reason, [this] { return take(); });
  }

 private:
  bool take() noexcept {
    if (!set_) [[likely]]
      return false;
    set_ = false;
    return true;
  }

  WaitList waiters_;
  bool set_ = false;
};

}  // namespace async
