// SpinLock: protects data that preemptible jobs share with the strand or with jobs of other harts.
// Hold it for a few instructions only, within one step: never across an await, which debug builds
// check. Interrupt handlers must not acquire it.
//
// While a step holds a spin lock, interrupt handlers run and wake jobs, but do not preempt the
// step. If they did, other harts could spin for as long as the lock holder is preempted. When the
// step releases its last spin lock, it sends its own hart an IPI to make up for a suppressed
// preemption.
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
      platform::StepGuard guard;
      ++platform::local().spin_locks;  // from here on the step stays on this hart
    }
    keep_order();
    if constexpr (platform::parallel) {
      while (taken_.exchange(true, std::memory_order_acquire)) {
        while (taken_.load(std::memory_order_relaxed)) platform::relax();
      }
    }
  }
  void unlock() noexcept {
    if constexpr (platform::parallel) taken_.store(false, std::memory_order_release);
    platform::StepGuard guard;
    Local& local = platform::local();
    keep_order();
    if (--local.spin_locks != 0) return;
    keep_order();
    if (!local.preemption_held_back) return;
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
  // Where the lock is only a count, the compiler must not move accesses out of its scope.
  static void keep_order() noexcept {
    if constexpr (!platform::parallel) std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  platform::Atomic<bool> taken_ = false;
};

}  // namespace async
