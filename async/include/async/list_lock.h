// ListLock: the lock of a wait list, and of the object that contains the list, such as a channel.
// Only in worlds with parallel jobs (parallel.h). In other worlds it is empty and does nothing,
// because the strand protects all objects.
//
// Every operation on a wait list, its waiters and the state of its object holds this lock, in the
// strand or outside. So parallel jobs that use different objects share nothing. While one hart runs
// alone, no hart acquires the lock.
//
// - The wait of a job of the strand, a wait with a timeout, a keyed wait and an observer begin and
//   end in the strand, because cancel() and timers end waits there. The list notes that it has such
//   a waiter. An operation that may wake then enters the strand first.
// - A hart enters the strand before it acquires a ListLock, and holds one ListLock at a time.
// - A woken job may destroy the object at once. So a wake only takes the job out of its list. The
//   job becomes ready when the hart releases the lock, and from then on the hart does not use the
//   object.
// - A job that waits keeps the lock until its step ends.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "async/leaf_lock.h"
#include "async/node.h"
#include "async/strand.h"

namespace async {

class RealListLock : LeafLock {
 public:
  RealListLock() noexcept = default;
  /// For a further list of the same object: it has the lock of `first`.
  explicit RealListLock(RealListLock& first) noexcept : lock_(first.lock_) {}

  /// Acquires the lock, unless this hart holds it already. If the job then waits, the executor
  /// releases the lock at the end of the step; if not, call end_visit().
  [[gnu::always_inline]] void visit() noexcept {
    if (Strand::smp_active()) [[unlikely]]
      (void)take();
  }
  /// visit() for an operation that may wake jobs in this list.
  [[gnu::always_inline]] void visit_to_wake() noexcept {
    if (Strand::smp_active()) [[unlikely]]
      (void)take_to_wake(*this);
  }
  /// Gives the lock back. A parallel job also leaves the strand.
  [[gnu::always_inline]] static void end_visit() noexcept {
    if (Strand::smp_active()) [[unlikely]]
      end_visit_smp();
  }

  /// Holds the lock for its scope, unless this hart holds it already.
  class [[nodiscard]] Guard {
   public:
    [[gnu::always_inline]] explicit Guard(RealListLock& lock) noexcept
        : taken_(Strand::smp_active() && lock.take()) {}
    [[gnu::always_inline]] ~Guard() {
      if (taken_) [[unlikely]]
        give_back();
    }
    Guard(const Guard&) = delete;

   private:
    bool taken_;
  };
  /// A Guard for an operation that may wake jobs in this list.
  class [[nodiscard]] WakeGuard {
   public:
    [[gnu::always_inline]] explicit WakeGuard(RealListLock& lock) noexcept
        : WakeGuard(lock, lock) {}
    /// For an operation that may wake jobs in two lists of an object.
    [[gnu::always_inline]] WakeGuard(RealListLock& lock, const RealListLock& other) noexcept
        : taken_(Strand::smp_active() ? lock.take_to_wake(other) : Taken::nothing) {}
    [[gnu::always_inline]] ~WakeGuard() {
      if (taken_ != Taken::nothing) [[unlikely]]
        give_back(taken_);
    }
    WakeGuard(const WakeGuard&) = delete;

   private:
    friend RealListLock;
    enum class Taken : std::uint8_t { nothing, lock, lock_and_strand };
    Taken taken_;
  };

  /// For await_resume(): holds the lock until the end of the scope. If the job has not waited, it
  /// still holds the lock that await_ready() has acquired. If it has waited, and was not woken, the
  /// object may be gone, so the job does not acquire the lock.
  class [[nodiscard]] WakeVisit {
   public:
    WakeVisit(RealListLock& lock, bool is_woken) noexcept {
      if (is_woken && !is_held()) lock.visit_to_wake();
    }
    ~WakeVisit() {
      if (is_held()) end_visit();
    }
    WakeVisit(const WakeVisit&) = delete;
  };

  /// Call it before a node enters this list. `was_empty`: no node is in the list yet.
  void note_insertion(bool was_empty) noexcept {
    needs_strand_ = (needs_strand_ && !was_empty) || Strand::is_held();
  }
  /// Whether this hart holds a ListLock: then a job that it wakes becomes ready when the hart
  /// releases the lock.
  static bool is_held() noexcept { return platform::local().has_list_lock; }
  /// Makes `job` ready when this hart releases the lock. The job waits, and is in no list.
  static void wake_later(Job& job) noexcept;
  /// Releases the lock that the running job, which waits now, has kept.
  static void end_step() noexcept { give_back(); }

 private:
  using Taken = WakeGuard::Taken;

  /// The lock that a hart holds, and the jobs that it has woken. Only the hart itself accesses it.
  struct alignas(64) Use {
    RealListLock* held;  // the lock that the hart holds, if Local::has_list_lock
    // Jobs that become ready when the hart releases the lock, linked through `next`.
    Link* first_woken;
    Link* last_woken;
  };
  static inline constinit std::array<Use, platform::max_harts> uses{};
  static Use& use() noexcept { return uses[platform::hart()]; }

  void note_taken() noexcept {
    use().held = lock_;
    platform::local().has_list_lock = true;
  }
  // Functions that the compiler does not inline, because a pool of one thread needs none of them.
  ASYNC_SLOW_PATH [[gnu::noinline]] bool take() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] bool is_other_held() const noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] bool wait_and_take() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] Taken take_to_wake(const RealListLock& other) noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] Taken take_to_wake_slowly(const RealListLock& other) noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] Taken enter_strand() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] static void give_back() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] static void give_back(Taken taken) noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] static void end_visit_smp() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] static void end_visit_slowly() noexcept;
  ASYNC_SLOW_PATH [[gnu::noinline]] static void wake_all() noexcept;

  RealListLock* lock_ = this;  // of the object's first list
  bool needs_strand_ = false;  // a waiter's wait ends in the strand. Protected by the lock
};

/// For worlds without parallel jobs: a WakeGuard checks that the hart is in the strand.
class NoListLock {
 public:
  NoListLock() noexcept = default;
  explicit NoListLock(NoListLock&) noexcept {}
  void visit() noexcept {}
  void visit_to_wake() noexcept {}
  static void end_visit() noexcept {}
  struct [[maybe_unused]] Guard {
    explicit Guard(NoListLock&) noexcept {}
    Guard(NoListLock&, NoListLock&) noexcept {}
    Guard(NoListLock&, bool) noexcept {}
  };
  struct [[maybe_unused]] WakeGuard {
    explicit WakeGuard(NoListLock&) noexcept { Strand::check_access(); }
    WakeGuard(NoListLock&, NoListLock&) noexcept { Strand::check_access(); }
  };
  using WakeVisit = Guard;
  void note_insertion(bool) noexcept {}
  static constexpr bool is_held() noexcept { return false; }
  static void wake_later(Job&) noexcept {}
  static void end_step() noexcept {}
};

using ListLock = std::conditional_t<platform::parallel_jobs, RealListLock, NoListLock>;

}  // namespace async
