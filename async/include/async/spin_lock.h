// SpinLock: for the few instructions in which jobs outside the strand change what they share with
// it, or with jobs of other harts. Held within one step: never across an await, which debug builds
// check, and not by interrupt handlers.
//
// While one is held, interrupts are taken and wake whom they concern, but nobody preempts the step:
// a lock that several harts wait for is not to lie about with a job that is preempted. What came
// meanwhile is seen to when the last lock is let go.
#pragma once

#include <atomic>

#include "async/platform.h"

namespace async {

class SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;

  void lock() noexcept {
    {
      platform::InterruptGuard masked;
      ++platform::local().spin_locks;  // from here on the step stays on this hart
    }
    if constexpr (platform::parallel) {
      while (taken_.exchange(true, std::memory_order_acquire)) {
        while (taken_.load(std::memory_order_relaxed)) platform::relax();
      }
    }
  }
  void unlock() noexcept {
    if constexpr (platform::parallel) taken_.store(false, std::memory_order_release);
    platform::InterruptGuard masked;
    Local& local = platform::local();
    if (--local.spin_locks != 0 || !local.preemption_held_back) return;
    local.preemption_held_back = false;
    platform::send_ipi(platform::hart());
  }

  class [[nodiscard]] Guard {
   public:
    explicit Guard(SpinLock& lock) noexcept : lock_(lock) { lock_.lock(); }
    ~Guard() { lock_.unlock(); }
    Guard(const Guard&) = delete;

   private:
    SpinLock& lock_;
  };

 private:
  platform::Atomic<bool> taken_ = false;
};

}  // namespace async
