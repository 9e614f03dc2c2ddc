// The strand: the jobs that share data without locks. On any number of harts, the steps of the
// strand's jobs run one at a time. So between two awaits a job has exclusive access to the data of
// the strand, as on a single hart: wait lists, channels, mutexes, timers and others. In worlds with
// parallel jobs (parallel.h), each wait list and its object also have a lock: list_lock.h.
//
//   hart 0  ──[ step ]────[ user mode ]──[ step ]──────▶      [ ] in the strand
//   hart 1  ─────────[ step ]──[ user mode ]─────[ step ]▶
//
// The executor enters the strand before a step and leaves it after the step. A step leaves it early
// before a long operation that shares no data, such as running a user program. Preemptible jobs are
// outside the strand.
//
// Code that only reads the strand's data may *share* the strand. Several harts share it at the same
// time, while no hart is in it. What such code writes must be the hart's own, the running job's
// own, or behind a LeafLock (leaf_lock.h). It frees no object that other sharers may use
// (retired.h).
//
//   hart 0  ──[ step ]──( shares )─────────[ step ]──▶
//   hart 1  ───────────( shares )─( shares )────────▶
//
// The strand is a spin lock, held for the length of a step: today it is one lock over the whole
// kernel. Harts that contend for it take turns. In its turn a hart may enter the strand again and
// again, because a hand-over costs more than a short step. After 50 µs it lets waiting harts go
// first. There is no queue: where harts are threads of a host, a queue would wait for threads that
// do not run. While one hart runs alone, entering the strand costs it two instructions. In worlds
// whose harts do not run at the same time (platform::parallel is false) the strand costs nothing.
//
// A hart that shares the strand shows that in a word of its own, so harts that share it write no
// common cache line. A hart that enters the strand reads the words of all harts. Linux 2.4 had such
// a lock, the "big reader lock" (include/linux/brlock.h).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <type_traits>

#include "async/platform.h"

namespace async {

class Retired;
class RwLeafLock;

/// A hart that may share the strand.
class alignas(64) StrandSharer {
  friend class Retired;
  friend class Strand;
  friend class RwLeafLock;

  // 0: the hart does not share the strand. Otherwise it does, or tries to, and has found this epoch
  // before (retired.h). Only the hart itself writes it.
  platform::Atomic<std::uint64_t> shares_ = 0;
  // The lock that the hart reads, or tries to (rw_leaf_lock.h). Only the hart itself writes it. On
  // a cache line of its own, because other harts look at the two words at different times.
  alignas(64) platform::Atomic<const RwLeafLock*> reads_ = nullptr;
};

/// Not 0 while a hart is in the strand, or waits for sharers. Harts that share the strand read the
/// epoch, too (retired.h), so it is on the same cache line.
struct alignas(64) StrandTaken : platform::Atomic<std::uint32_t> {
  constexpr StrandTaken() noexcept : platform::Atomic<std::uint32_t>{0} {}
  platform::Atomic<std::uint64_t> epoch = 1;
};

class Strand {
 public:
  /// Enters the strand; waits until other harts have left it. Interrupts masked; the hart must not
  /// hold it already. Call it in a step, or while local().job is null.
  [[gnu::always_inline]] static void enter() noexcept {
    if constexpr (platform::parallel) {
      if (smp_active()) [[unlikely]]
        enter_smp();
    }
  }
  /// Leaves the strand before a long operation. Ready jobs of this hart go to idle harts.
  [[gnu::always_inline]] static void leave() noexcept {
    if constexpr (platform::parallel) {
      if (smp_active()) [[unlikely]]
        leave_smp();
    }
  }
  /// enter() for a caller that knows that other harts run. Defined in executor_fast.h, like
  /// leave_smp().
  [[gnu::always_inline]] static inline void enter_smp() noexcept;
  // Sharing. Call these functions only if smp_active(), with interrupts masked.

  /// Lets this hart share the strand from now on. In the strand. Worlds in which no hart shares it
  /// do without, and entering the strand costs them less.
  static void let_share() noexcept;
  /// For tests that begin anew: no hart is in the strand, waits for it, or may share it.
  static void reset() noexcept;
  /// Shares the strand until end_sharing(); waits until other harts have left it. In between, the
  /// hart does not enter the strand, and the job awaits nothing, except after Sharing::keep().
  [[gnu::always_inline]] static void share() noexcept {
    show_share(platform::local());
    // Pairs with the fence in wait_for_sharers(): this hart sees taken_, or the other one
    // `shares_`. Pairs also with the one in Retired::begin_grace_period(): this hart no longer
    // finds what the other one has retired, or the other one sees `shares_`.
    platform::atomic_thread_fence(std::memory_order_seq_cst);
    if (taken_.load(std::memory_order_acquire) != 0) [[unlikely]]
      wait_and_share();
  }
  [[gnu::always_inline]] static void end_sharing() noexcept {
    const Local& local = platform::local();
    clear_share(local);
    if (local.must_destroy != 0) [[unlikely]]
      after_sharing();
  }
  /// share() for a scope.
  class [[nodiscard]] Sharing {
   public:
    [[gnu::always_inline]] Sharing() noexcept { share(); }
    [[gnu::always_inline]] ~Sharing() {
      if (!ends_) return;
      if (tells_) platform::local().shares_strand = false;
      end_sharing();
    }
    Sharing(const Sharing&) = delete;

    /// From now on is_shared() is true, for code that asks whether it must acquire a lock.
    void tell() noexcept {
      platform::local().shares_strand = true;
      tells_ = true;
    }

    /// The running step shares the strand from now on, beyond this scope: until it leaves the
    /// strand with leave(), enters it with stop_sharing(), or ends.
    void keep() noexcept {
      platform::local().shares_strand = true;
      ends_ = false;
    }

   private:
    bool ends_ = true;
    bool tells_ = false;
  };
  /// tell() for a scope. The hart shares the strand.
  class [[nodiscard]] Telling {
   public:
    Telling() noexcept : before_(platform::local().shares_strand) {
      platform::local().shares_strand = true;
    }
    ~Telling() { platform::local().shares_strand = before_; }
    Telling(const Telling&) = delete;

   private:
    bool before_;
  };
  /// For a long part of a step in the strand that needs only what sharing harts may use: in its
  /// scope the step shares the strand, so that other harts share it at the same time. Before and
  /// after it, other harts may change all data of the strand, as in an await. Does nothing if
  /// not `applies`, or while one hart runs alone.
  class [[nodiscard]] SharedPart {
   public:
    explicit SharedPart(bool applies) noexcept : applies_(applies && smp_active()) {
      if (applies_) [[unlikely]]
        share_instead();
    }
    ~SharedPart() {
      if (applies_) [[unlikely]]
        stop_sharing();
    }
    SharedPart(const SharedPart&) = delete;

   private:
    bool applies_;
  };
  /// Whether the running step shares the strand. In the scope of a Sharing only after tell() or
  /// keep().
  static bool is_shared() noexcept { return platform::local().shares_strand; }
  /// Whether this hart may change the data that it changes while it shares the strand.
  static bool is_held_or_shared() noexcept { return is_held() || is_shared(); }
  /// Code that changes data of the strand calls this. Fails in debug builds unless this hart is in
  /// the strand, or runs alone.
  static void check_access() noexcept {
    if constexpr (platform::checked && platform::parallel) {
      if (!is_held()) platform::fail("a hart outside the strand changes data of the strand");
    }
  }
  /// The same, unless `is_own`: the data is the hart's, or its running job's.
  template <class IsOwn>
  static void check_access_unless(IsOwn&& is_own) noexcept {
    if constexpr (platform::checked && platform::parallel) {
      if (!is_held() && !is_own()) check_access();
    }
  }
  /// Fails in debug builds unless this hart is in the strand or shares it, with or without tell():
  /// the caller uses data of the hart, such as a cache.
  static void check_access_to_own() noexcept {
    if constexpr (platform::checked && platform::parallel) {
      if (is_held()) return;
      const StrandSharer* const here = platform::local().sharer;
      if (here == nullptr || here->shares_.load(std::memory_order_relaxed) == 0)
        platform::fail("a hart outside the strand uses data that needs it");
    }
  }
  /// The running step, which shares the strand, ends that and enters the strand. In between, other
  /// harts may change all data.
  ASYNC_SLOW_PATH static void stop_sharing() noexcept;
  /// The running step, which is in the strand, leaves it and shares it from now on. Several harts
  /// run.
  ASYNC_SLOW_PATH static void share_instead() noexcept;

  /// Leaves the strand and enters it again if other harts wait for it, so that one of them may get
  /// it. For long operations, at points where other jobs may change all data of the strand.
  static void yield() noexcept {
    if constexpr (platform::parallel) {
      if (waiting_.load(std::memory_order_relaxed) != 0) yield_to_waiters();
    }
  }
  /// Whether another hart waits until this hart no longer shares the strand. The caller shares it.
  static bool is_awaited() noexcept { return taken_.load(std::memory_order_relaxed) != 0; }
  /// Whether other harts run, which may enter the strand. If not, entering and leaving do nothing.
  static bool smp_active() noexcept {
    if constexpr (platform::parallel) return platform::local().smp_active;
    return false;
  }
  /// Whether this hart may access the strand's data: it holds the strand, or no other hart runs.
  static bool is_held() noexcept {
    if constexpr (!platform::parallel) return true;
    const Local& local = platform::local();
    return !local.smp_active || local.in_strand;
  }

  // For awaiters of the strand's objects, which parallel jobs may use (parallel.h). In worlds
  // without parallel jobs these functions do nothing: a job of the strand holds it already.

  /// Enters the strand, unless the hart holds it. If the job then waits, the executor leaves the
  /// strand at the end of the step; if not, call end_visit().
  static void visit() noexcept {
    if constexpr (platform::parallel_jobs) {
      if (!is_held()) [[likely]]
        enter_apart();
    }
  }
  /// A parallel job leaves the strand. Other jobs stay in it.
  static void end_visit() noexcept {
    if constexpr (platform::parallel_jobs) {
      if (smp_active() && platform::local().in_strand && is_outside(platform::local().job))
        leave_apart();
    }
  }
  /// visit() for the rest of a scope.
  class [[nodiscard]] Visit {
   public:
    Visit() noexcept { visit(); }
    ~Visit() { end_visit(); }
    Visit(const Visit&) = delete;
  };

  /// Holds the strand for its scope, unless the hart holds it already.
  class [[nodiscard]] Guard {
   public:
    Guard() noexcept : Guard(!is_held()) {}
    explicit Guard(bool enters) noexcept : entered_(enters) {
      if (entered_) [[unlikely]]
        enter_apart();
    }
    ~Guard() {
      if (entered_) [[unlikely]]
        leave_apart();
    }
    Guard(const Guard&) = delete;

    /// Enters now, unless the hart holds the strand already.
    void enter() noexcept {
      if (is_held()) return;
      entered_ = true;
      enter_apart();
    }

   private:
    bool entered_;
  };

  /// A Guard in the functions of the strand's objects that parallel jobs may call. In worlds
  /// without parallel jobs it only checks that the hart is in the strand.
  struct [[maybe_unused]] NoGuard {
    NoGuard() noexcept { check_access(); }
  };
  using ObjectGuard = std::conditional_t<platform::parallel_jobs, Guard, NoGuard>;

 private:
  friend class Executor;
  friend class RealListLock;
  friend class Retired;
  friend class RwLeafLock;

  /// The harts that may share the strand, and perhaps some that may not.
  static std::span<const StrandSharer> sharers() noexcept {
    return {sharers_.data(), sharers_end_.load(std::memory_order_relaxed)};
  }
  static bool is_outside(const Job* job) noexcept;
  [[gnu::always_inline]] static inline void leave_smp() noexcept;
  [[gnu::always_inline]] static void leave_to_others() noexcept {
    platform::strand_ends();
    platform::local().in_strand = false;
    taken_.store(0, std::memory_order_release);
  }

  /// The step has ended, and several harts run: leaves the strand, or stops sharing it.
  static void end_step() noexcept {
    Local& local = platform::local();
    if (local.in_strand) return leave_apart();
    if (!local.shares_strand) return;
    local.shares_strand = false;
    clear_share(local);
    if (local.must_destroy != 0) [[unlikely]]
      after_sharing_step();
  }

  [[gnu::always_inline]] static void clear_share(const Local& local) noexcept {
    // For the next epoch in shares_, too: see Retired::is_grace_period_over().
    platform::atomic_thread_fence(std::memory_order_release);
    local.sharer->shares_.store(0, order_of_shares);
  }
  [[gnu::always_inline]] static void show_share(const Local& local) noexcept {
    const std::uint64_t epoch = taken_.epoch.load(std::memory_order_relaxed);
    local.sharer->shares_.store(epoch, order_of_shares);
  }
  // The fence of clear_share() orders the stores. ThreadSanitizer does not know fences.
  static constexpr std::memory_order order_of_shares =
      platform_is_checked_for_races ? std::memory_order_release : std::memory_order_relaxed;

  // enter() and leave_to_others() as functions that the compiler does not inline. A caller that
  // seldom needs them saves no registers for them then.
  ASYNC_SLOW_PATH static void enter_apart() noexcept;
  ASYNC_SLOW_PATH static void leave_apart() noexcept;
  ASYNC_SLOW_PATH static void wait_and_enter() noexcept;
  ASYNC_SLOW_PATH static void wait_and_share() noexcept;
  [[gnu::always_inline]] static inline void wait_for_sharers() noexcept;
  ASYNC_SLOW_PATH static void wait_for(const StrandSharer& sharer) noexcept;
  ASYNC_SLOW_PATH static void yield_to_waiters() noexcept;
  // Defined in retired.cpp. end_grace_period() is a step's first act in the strand.
  ASYNC_SLOW_PATH static void end_grace_period() noexcept;
  ASYNC_SLOW_PATH static void after_sharing() noexcept;
  ASYNC_SLOW_PATH static void after_sharing_step() noexcept;
  static void await_another() noexcept;
  static void begin_turn(unsigned hart) noexcept;

  static inline constinit StrandTaken taken_;
  // Hints for fairness: a stale value makes a hart wait once for no reason, or go first once.
  static inline constinit std::atomic<std::uint32_t> waiting_ = 0;  // how many harts wait
  // The hart that has the turn. A hart gets it when it has waited for the strand, or when it enters
  // the strand while others wait.
  static inline constinit std::atomic<unsigned> last_ = 0;
  static inline constinit std::atomic<std::uint64_t> turn_began_ = 0;  // time, in ns
  static constexpr std::uint64_t turn_ns = 50'000;

  static inline constinit std::array<StrandSharer, platform::max_harts> sharers_{};
  // Behind the highest hart that may share the strand. Written in the strand.
  static inline constinit std::atomic<const StrandSharer*> sharers_end_ = sharers_.data();
};

}  // namespace async
