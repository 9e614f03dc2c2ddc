// Semaphore: a number of permits. release() gives a permit directly to the first waiter, so later
// callers cannot overtake it. Task context, in the strand or in a parallel job. A
// woken job may destroy the semaphore at once, if no other job uses it.
#pragma once

#include <cstddef>

#include "async/wait_list.h"

namespace async {

class Semaphore {
 public:
  explicit Semaphore(std::size_t permits = 0) noexcept : permits_(permits) {
    waiters_.wakes_when<&Semaphore::permits>(*this);
  }

  /// Waits for one permit. A cancellation point: the caller has the permit only if the result is
  /// `woken`.
  WaitOp acquire(const char* reason = "semaphore") noexcept {
    return WaitOp(waiters_, reason, [this] { return try_acquire(); });
  }
  bool try_acquire() noexcept {
    platform::InterruptGuard masked;
    const ListLock::Guard guard(waiters_.lock());
    if (permits_ == 0) return false;
    --permits_;
    return true;
  }
  void release(std::size_t permits = 1) noexcept {
    platform::InterruptGuard masked;
    const ListLock::WakeGuard guard(waiters_.lock());
    while (permits != 0 && waiters_.wake_first()) --permits;
    permits_ += permits;
  }
  std::size_t permits() const noexcept { return permits_; }

 private:
  WaitList waiters_;
  std::size_t permits_;
};

}  // namespace async
