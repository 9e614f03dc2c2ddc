// Event: a condition that is on or off. set() lets everybody through until clear(). Task context.
#pragma once

#include "async/wait_list.h"

namespace async {

class Event {
 public:
  explicit Event(bool set = false) noexcept : set_(set) {}

  void set() noexcept {
    set_ = true;
    if (!waiters_.empty()) waiters_.wake_all();
  }
  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  /// Until it is on. A cancellation point.
  WaitOp wait(const char* reason = "event") noexcept { return WaitOp(waiters_, reason, set_); }
  TimedWaitOp wait_until(Instant deadline, const char* reason = "event") noexcept {
    return TimedWaitOp(waiters_, reason, deadline, set_);
  }

 private:
  WaitList waiters_;
  bool set_;
};

}  // namespace async
