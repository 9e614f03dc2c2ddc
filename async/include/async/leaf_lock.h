// LeafLock: protects the data of one object while several harts share the strand (strand.h). In the
// strand no other hart shares it, so code there accesses the data without the lock.
//
// Hold it for a few instructions, with interrupts masked. While a hart holds it, the hart takes no
// other lock, does not enter the strand, and awaits nothing. There are three exceptions. The frame
// allocator's lock may be taken while the lock of an address space, of a pipe or of the heap is
// held, the heap's lock while the lock of an address space is held, and the lock of a file's
// contents while the lock of an open file's position is held.
#pragma once

#include <atomic>
#include <cstdint>

#include "async/strand.h"

namespace async {

class LeafLock {
 public:
  LeafLock() = default;
  LeafLock(const LeafLock&) = delete;

  /// Whether a hart holds the lock. A caller that may not hold it itself learns nothing from
  /// `true`.
  bool is_taken() const noexcept { return taken_.load(std::memory_order_relaxed) != 0; }

  class [[nodiscard]] Guard {
   public:
    explicit Guard(LeafLock& lock) noexcept : lock_(lock) { lock_.take(); }
    ~Guard() { lock_.give_back(); }
    Guard(const Guard&) = delete;

   private:
    LeafLock& lock_;
  };

  /// A Guard if `applies`.
  class [[nodiscard]] GuardIf {
   public:
    GuardIf(LeafLock& lock, bool applies) noexcept : lock_(applies ? &lock : nullptr) {
      if (applies) [[unlikely]]
        lock.take();
    }
    ~GuardIf() {
      if (lock_ != nullptr) [[unlikely]]
        lock_->give_back();
    }
    GuardIf(const GuardIf&) = delete;

   private:
    LeafLock* lock_;
  };

  /// For functions that a hart calls in the strand or while it shares the strand: a Guard if it
  /// shares the strand. In the strand no other hart uses the data.
  class [[nodiscard]] SharingGuard : GuardIf {
   public:
    explicit SharingGuard(LeafLock& lock) noexcept : GuardIf(lock, !Strand::is_held()) {}
  };

 private:
  void take() noexcept {
    if constexpr (!platform::parallel) return;
    while (taken_.exchange(1, std::memory_order_acquire) != 0) {
      while (taken_.load(std::memory_order_relaxed) != 0) platform::relax();
    }
  }
  void give_back() noexcept {
    if constexpr (platform::parallel) taken_.store(0, std::memory_order_release);
  }

  platform::Atomic<std::uint32_t> taken_ = 0;
};

}  // namespace async
