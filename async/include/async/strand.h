// The strand: the coroutines that share data without locks. However many harts there are, the steps
// of the strand's jobs run one at a time, so between two awaits a job has the wait lists, channels,
// mutexes, timers and whatever else they share to itself, as on a single hart.
//
//   hart 0  ──[ step ]────[ user mode ]──[ step ]──────▶      [ ] in the strand
//   hart 1  ─────────[ step ]──[ user mode ]─────[ step ]▶
//
// The executor enters it before a step and leaves it after. A step that turns to something long
// that shares nothing (a user program) leaves it meanwhile. Preemptible jobs are outside.
//
// A spin lock, held for the length of a step. Who had it last lets others go first, but there is no
// queue: where harts are threads of a host, it would wait for those that do not run. A hart that is
// alone pays two instructions for it, worlds whose harts do not run at the same time
// (platform::parallel is false) nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "async/platform.h"

namespace async {

class Strand {
 public:
  /// Interrupts masked; not while this hart holds it. In a step, or while local().job is null,
  /// where waiting for another hart's step to end does no harm.
  static void enter() noexcept {
    if constexpr (platform::parallel) {
      if (smp_active()) enter_smp();
    }
  }
  /// For something long. What is ready on this hart goes to harts that have nothing to do.
  static void leave() noexcept {
    if constexpr (platform::parallel) {
      if (smp_active()) leave_for_long();
    }
  }
  /// In a step that is one of many of something long, and whatever others do meanwhile: a hart that
  /// waits for the strand gets it, if it looks in time.
  static void give_way() noexcept {
    if constexpr (platform::parallel) {
      if (waiting_.load(std::memory_order_relaxed) != 0) give_way_to_waiting();
    }
  }
  /// Are there other harts that may want it?
  static bool smp_active() noexcept {
    if constexpr (platform::parallel) return platform::local().smp_active;
    return false;
  }
  /// Does this hart hold it?
  static bool is_held() noexcept {
    if constexpr (!platform::parallel) return true;
    const Local& local = platform::local();
    return !local.smp_active || local.in_strand;
  }

  struct Pools {
    FramePool frames;
    JobPool jobs;
  };
  /// In the strand, for what goes from hart to hart: memory would pile up where most of it ends. (A
  /// test's world that begins anew makes it empty.)
  static inline constinit Pools pools;

  /// Holds the strand for its scope, unless the hart does already.
  class [[nodiscard]] Guard {
   public:
    Guard() noexcept : entered_(!is_held()) {
      if (entered_) enter();
    }
    ~Guard() {
      if constexpr (platform::parallel) {
        if (entered_ && smp_active()) leave_to_others();
      }
    }
    Guard(const Guard&) = delete;

   private:
    bool entered_;
  };

 private:
  friend class Executor;

  ASYNC_SLOW_PATH static void enter_smp() noexcept;
  ASYNC_SLOW_PATH static void leave_to_others() noexcept;
  ASYNC_SLOW_PATH static void leave_for_long() noexcept;

  ASYNC_SLOW_PATH static void give_way_to_waiting() noexcept;
  static void await_another() noexcept;

  alignas(64) static inline constinit platform::Atomic<std::uint32_t> taken_ = 0;
  // Hints: what comes of a stale one is that somebody waits for nothing, or does not, for once.
  static inline constinit std::atomic<std::uint32_t> waiting_ = 0;  // harts
  static inline constinit std::atomic<unsigned> last_ = 0;          // the hart that had it last
};

/// Job::migrates(), of the running one if there is one.
[[gnu::cold]] bool may_go_elsewhere(const Job* job) noexcept;

/// Calls `use` with the pool that the running step's frames come from and go to (Executor::jobs()
/// has its jobs'): the strand's, or that of the hart which a preemptible job stays on.
template <class Use>
[[gnu::always_inline]] inline auto with_frame_pool(Use use) noexcept {
  platform::InterruptGuard masked;
  Local& local = platform::local();
  if constexpr (platform::parallel) {
    if (local.in_strand) return use(Strand::pools.frames);
    if (local.smp_active && may_go_elsewhere(local.job)) {
      const Strand::Guard strand;
      return use(Strand::pools.frames);
    }
  }
  return use(local.frames);
}

}  // namespace async
