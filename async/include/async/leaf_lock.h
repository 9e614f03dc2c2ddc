// LeafLock: protects the data of one object while several harts share the strand (strand.h). In the
// strand no other hart shares it, so code there accesses the data without the lock.
//
// Hold it for a few instructions, with interrupts masked. While a hart holds it, the hart takes no
// other lock, does not enter the strand, and awaits nothing. There are two exceptions. The frame
// allocator's lock may be taken while the lock of an address space, of a pipe or of the heap is
// held, and the lock of a file's contents while the lock of an open file's position is held.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "async/strand.h"

namespace async {

class LeafLock {
 public:
  LeafLock() = default;
  LeafLock(const LeafLock&) = delete;

  class [[nodiscard]] Guard {
   public:
    explicit Guard(LeafLock& lock) noexcept : lock_(lock) {
      if constexpr (!platform::parallel) return;
      while (lock_.taken_.exchange(1, std::memory_order_acquire) != 0) {
        while (lock_.taken_.load(std::memory_order_relaxed) != 0) platform::relax();
      }
    }
    ~Guard() {
      if constexpr (platform::parallel) lock_.taken_.store(0, std::memory_order_release);
    }
    Guard(const Guard&) = delete;

   private:
    LeafLock& lock_;
  };

  /// For functions that a hart calls in the strand or while it shares the strand: a Guard if it
  /// shares the strand. In the strand no other hart uses the data.
  class [[nodiscard]] SharingGuard {
   public:
    explicit SharingGuard(LeafLock& lock) noexcept {
      if (!Strand::is_held()) guard_.emplace(lock);
    }
    SharingGuard(const SharingGuard&) = delete;

   private:
    std::optional<Guard> guard_;
  };

 private:
  platform::Atomic<std::uint32_t> taken_ = 0;
};

}  // namespace async
