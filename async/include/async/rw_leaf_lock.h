// RwLeafLock: a leaf lock (leaf_lock.h) that several harts may hold at the same time if they only
// read. One hart holds it alone to change the data.
//
// A reader writes a word of its own hart, so readers write no common cache line. A writer reads the
// words of all harts that may share the strand:
//
//   reads                              changes
//   1. it names the lock in its word   1. it acquires the lock
//   2. it looks whether it is held     2. it waits until no hart's word names the lock
//
// With a fence between the two steps of each, at least one of the harts sees what the other one did
// (Dekker). A reader that finds the lock held clears its word and waits, so writers do not starve.
//
// Both share the strand. A reader acquires only deeper locks, as the holder of a leaf lock does,
// and reads at most one RwLeafLock at a time. Between reads of two locks a hart shares the strand
// anew. The fence of Strand::share() lets a writer that finds the second lock in the hart's word
// see what the hart did before.
#pragma once

#include "async/leaf_lock.h"

namespace async {

// The base is private: a LeafLock::Guard would not wait for readers.
class RwLeafLock : LeafLock {
 public:
  using LeafLock::check_access;
  using LeafLock::is_taken;
  using Guard = GuardOf<RwLeafLock>;
  using GuardIf = GuardIfOf<RwLeafLock>;

  /// Fails in debug builds unless this hart may read the data: it reads or holds the lock, or no
  /// other hart shares the strand.
  void check_read() const noexcept {
    if constexpr (platform::checked && platform::parallel) {
      const StrandSharer* const here = platform::local().sharer;
      if (here == nullptr || here->reads_.load(std::memory_order_relaxed) != this) check_access();
    }
  }

  /// The hart reads in its scope, if `applies`.
  class [[nodiscard]] ReadGuard {
   public:
    explicit ReadGuard(const RwLeafLock& lock, bool applies = true) noexcept
        : lock_(applies ? &lock : nullptr) {
      if (applies) lock.begin_to_read();
    }
    ~ReadGuard() {
      if (lock_ != nullptr) lock_->end_to_read();
    }
    ReadGuard(const ReadGuard&) = delete;

   private:
    const RwLeafLock* lock_;
  };

 private:
  template <class>
  friend class LeafLock::GuardOf;
  template <class>
  friend class LeafLock::GuardIfOf;

  void take() noexcept {
    LeafLock::take();
    if constexpr (platform::parallel) wait_for_readers();
  }
  ASYNC_SLOW_PATH void wait_for_readers() const noexcept {
    // Pairs with the fence in begin_to_read().
    platform::atomic_thread_fence(std::memory_order_seq_cst);
    for (const StrandSharer& sharer : Strand::sharers()) {
      while (sharer.reads_.load(std::memory_order_acquire) == this) platform::relax();
    }
  }

  void begin_to_read() const noexcept {
    if constexpr (!platform::parallel) return;
    note_begin();
    StrandSharer& here = *platform::local().sharer;
    for (;;) {
      here.reads_.store(this, std::memory_order_relaxed);
      // This hart sees that the lock is held, or the writer sees reads_.
      platform::atomic_thread_fence(std::memory_order_seq_cst);
      if (taken().load(std::memory_order_acquire) == 0) [[likely]]
        return;
      here.reads_.store(nullptr, std::memory_order_relaxed);
      while (is_taken()) platform::relax();
    }
  }
  void end_to_read() const noexcept {
    if constexpr (!platform::parallel) return;
    platform::local().sharer->reads_.store(nullptr, std::memory_order_release);
    note_end();
  }
};

}  // namespace async
