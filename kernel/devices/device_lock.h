// What a driver shares with those whose requests it serves: they are coroutines of the strand on
// any hart, it is outside the strand on a hart of its own. Each holds this lock for some tens of
// instructions, with interrupts masked, and neither waits, wakes nor logs meanwhile.
//
//   {
//     const DeviceLock::Guard guard{lock_};
//     …
//   }
#pragma once

#include <async/strand.h>

#include <cstdint>

namespace kernel {

class DeviceLock {
 public:
  class [[nodiscard]] Guard {
   public:
    explicit Guard(DeviceLock& lock) : lock_{lock} { lock_.take(); }
    ~Guard() { lock_.release(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    async::platform::InterruptGuard masked_;
    DeviceLock& lock_;
  };

 private:
  // A hart that is alone has nobody to lock out.
  void take() {
    if (!async::Strand::in_company()) return;
    while (taken_.exchange(1, std::memory_order_acquire) != 0) {
      while (taken_.load(std::memory_order_relaxed) != 0) async::platform::relax();
    }
  }
  void release() {
    if (async::Strand::in_company()) taken_.store(0, std::memory_order_release);
  }

  async::platform::Atomic<std::uint32_t> taken_ = 0;
};

}  // namespace kernel
