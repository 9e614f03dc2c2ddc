// WaitGroup: waits until done() has been called as often as add() has announced. Task context, in
// the strand or in a parallel job. A woken job may destroy the group at once, if no other job uses
// it.
#pragma once

#include <cstddef>

#include "async/wait_list.h"

namespace async {

class WaitGroup {
 public:
  void add(std::size_t count = 1) noexcept {
    const ListLock::Guard guard(waiters_.lock());
    outstanding_ += count;
  }
  void done() noexcept {
    platform::InterruptGuard masked;
    const ListLock::WakeGuard guard(waiters_.lock());
    if (outstanding_ == 0) platform::fail("WaitGroup::done() was called without add()");
    if (--outstanding_ == 0) waiters_.wake_all();
  }

  /// Waits until no done() is outstanding. A cancellation point.
  WaitOp wait(const char* reason = "wait group") noexcept {
    return WaitOp(waiters_, reason, [this] { return outstanding_ == 0; });
  }

 private:
  WaitList waiters_;
  std::size_t outstanding_ = 0;
};

}  // namespace async
