// LeafLock: protects the data of one object while several harts share the strand (strand.h). In the
// strand no other hart shares it, so code there accesses the data without the lock. The lock of a
// wait list (list_lock.h) is acquired in the strand, too, because parallel jobs are outside.
//
// Hold it for a few instructions, with interrupts masked. While a hart holds it, the hart does not
// enter the strand, awaits nothing, and acquires no other lock but a deeper one. A lock's depth is
// 0 unless its constructor gets one:
//
//   0  an object's lock
//   1  a file's contents; acquired under the lock of an open file's position
//   2  the heap; acquired under the lock of an address space
//   3  the frame allocator; acquired under the lock of an address space, a pipe or the heap
//
// Debug builds check the depths, and that the holder neither enters the strand nor waits. The debug
// kernel also stops at an interrupt that comes while its hart holds a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "async/strand.h"

namespace async {

class LeafLock {
 public:
  constexpr LeafLock() = default;
  explicit constexpr LeafLock(unsigned depth) noexcept : holder_(depth) {}
  LeafLock(const LeafLock&) = delete;

  /// Whether a hart holds the lock, this one or another.
  bool is_taken() const noexcept { return taken_.load(std::memory_order_relaxed) != 0; }

  template <class Lock>
  class [[nodiscard]] GuardOf {
   public:
    explicit GuardOf(Lock& lock) noexcept : lock_(lock) { lock_.take(); }
    ~GuardOf() { lock_.give_back(); }
    GuardOf(const GuardOf&) = delete;

   private:
    Lock& lock_;
  };
  using Guard = GuardOf<LeafLock>;

  /// Fails in debug builds unless this hart may change the data: it holds the lock, or no other
  /// hart shares the strand.
  void check_access() const noexcept {
    if constexpr (platform::checked && platform::parallel) {
      if (!Strand::is_held() && !holder_.is_this_hart())
        platform::fail("data is used without its leaf lock");
    }
  }

  /// A Guard if `applies`.
  template <class Lock>
  class [[nodiscard]] GuardIfOf {
   public:
    GuardIfOf(Lock& lock, bool applies) noexcept : lock_(applies ? &lock : nullptr) {
      if (applies) [[unlikely]]
        lock.take();
    }
    ~GuardIfOf() {
      if (lock_ != nullptr) [[unlikely]]
        lock_->give_back();
    }
    GuardIfOf(const GuardIfOf&) = delete;

   private:
    Lock* lock_;
  };
  using GuardIf = GuardIfOf<LeafLock>;

  /// For functions that a hart calls in the strand or while it shares the strand: a Guard if it
  /// shares the strand. In the strand no other hart uses the data.
  class [[nodiscard]] SharingGuard : GuardIf {
   public:
    explicit SharingGuard(LeafLock& lock) noexcept : GuardIf(lock, !Strand::is_held()) {}
  };

 protected:
  /// Acquires the lock if no hart holds it.
  [[gnu::always_inline]] bool try_take() noexcept {
    holder_.begin();
    if (taken_.exchange(1, std::memory_order_acquire) == 0) [[likely]] {
      holder_.set();
      return true;
    }
    holder_.end();
    return false;
  }
  void take() noexcept {
    if constexpr (!platform::parallel) return;
    holder_.begin();
    while (taken_.exchange(1, std::memory_order_acquire) != 0) {
      while (taken_.load(std::memory_order_relaxed) != 0) platform::relax();
    }
    holder_.set();
  }
  void give_back() noexcept {
    if constexpr (!platform::parallel) return;
    holder_.clear();
    taken_.store(0, std::memory_order_release);
    holder_.end();
  }

  /// The hart that holds the lock, in debug builds.
  class Holder {
   public:
    explicit constexpr Holder(unsigned depth = 0) noexcept
        : depth_(static_cast<std::uint8_t>(1u << depth)) {}
    // begin() is called before the lock is acquired, and end() after it has been released. So
    // Local::leaf_locks has the lock's bit whenever this hart may hold it.
    void begin() const noexcept {
      if (platform::local().leaf_locks >= depth_)
        platform::fail("a hart takes a leaf lock while it holds an equally deep or deeper one");
      platform::local().leaf_locks |= depth_;
    }
    void end() const noexcept {
      platform::local().leaf_locks &= static_cast<std::uint8_t>(~depth_);
    }
    void set() noexcept { number_.store(platform::hart() + 1, std::memory_order_relaxed); }
    void clear() noexcept { number_.store(0, std::memory_order_relaxed); }
    bool is_this_hart() const noexcept {
      return number_.load(std::memory_order_relaxed) == platform::hart() + 1;
    }

   private:
    std::atomic<std::uint32_t> number_ = 0;  // the hart's number plus 1; 0: no hart
    std::uint8_t depth_;                     // 1 << depth
  };
  struct NoHolder {
    explicit constexpr NoHolder(unsigned = 0) noexcept {}
    void begin() const noexcept {}
    void end() const noexcept {}
    void set() const noexcept {}
    void clear() const noexcept {}
    bool is_this_hart() const noexcept { return true; }
  };

  // For a reader (rw_leaf_lock.h): debug builds note that this hart holds a lock of this depth.
  void note_begin() const noexcept { holder_.begin(); }
  void note_end() const noexcept { holder_.end(); }
  const platform::Atomic<std::uint32_t>& taken() const noexcept { return taken_; }

 private:
  platform::Atomic<std::uint32_t> taken_ = 0;
  [[no_unique_address]] std::conditional_t<platform::checked, Holder, NoHolder> holder_;
};

}  // namespace async
