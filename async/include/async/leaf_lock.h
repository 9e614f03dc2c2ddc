// LeafLock: protects the data of one object while several harts share the strand (strand.h). In the
// strand no other hart shares it, so code there accesses the data without the lock.
//
// Hold it for a few instructions, with interrupts masked. While a hart holds it, the hart takes no
// other lock, does not enter the strand, and awaits nothing. There are three exceptions. The frame
// allocator's lock may be taken while the lock of an address space, of a pipe or of the heap is
// held, the heap's lock while the lock of an address space is held, and the lock of a file's
// contents while the lock of an open file's position is held. Debug builds check that the hart does
// not enter the strand and does not wait.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "async/strand.h"

namespace async {

class LeafLock {
 public:
  LeafLock() = default;
  LeafLock(const LeafLock&) = delete;

  /// Whether a hart holds the lock, this one or another.
  bool is_taken() const noexcept { return taken_.load(std::memory_order_relaxed) != 0; }

  class [[nodiscard]] Guard {
   public:
    explicit Guard(LeafLock& lock) noexcept : lock_(lock) { lock_.take(); }
    ~Guard() { lock_.give_back(); }
    Guard(const Guard&) = delete;

   private:
    LeafLock& lock_;
  };

  /// Fails in debug builds unless this hart may change the data: it holds the lock, or no other
  /// hart shares the strand.
  void check_access() const noexcept {
    if constexpr (platform::checked && platform::parallel) {
      if (!Strand::is_held() && !holder_.is_this_hart())
        platform::fail("data is used without its leaf lock");
    }
  }

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
    holder_.set();
  }
  void give_back() noexcept {
    if constexpr (!platform::parallel) return;
    holder_.clear();
    taken_.store(0, std::memory_order_release);
  }

  /// The hart that holds the lock, in debug builds.
  class Holder {
   public:
    void set() noexcept {
      number_.store(platform::hart() + 1, std::memory_order_relaxed);
      ++platform::local().leaf_locks;
    }
    void clear() noexcept {
      number_.store(0, std::memory_order_relaxed);
      --platform::local().leaf_locks;
    }
    bool is_this_hart() const noexcept {
      return number_.load(std::memory_order_relaxed) == platform::hart() + 1;
    }

   private:
    std::atomic<std::uint32_t> number_ = 0;  // the hart's number plus 1; 0: no hart
  };
  struct NoHolder {
    void set() const noexcept {}
    void clear() const noexcept {}
    bool is_this_hart() const noexcept { return true; }
  };

  platform::Atomic<std::uint32_t> taken_ = 0;
  [[no_unique_address]] std::conditional_t<platform::checked, Holder, NoHolder> holder_;
};

}  // namespace async
