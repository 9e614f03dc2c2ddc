// Timers: a hierarchical timer wheel of 6 levels with 64 slots each. A timer is a node in the
// waiting coroutine's frame. A slot of level 0 spans 1,024 ns and is sorted. A slot of level l + 1
// spans all of level l; when its time comes, its timers move to lower levels.
//
// The slot of a deadline follows from the highest digit (6 bits) in which the deadline differs from
// the wheel's present time. So equal deadlines always share a slot and fire in the order they were
// armed.
//
// Arming is O(1), plus one step for each later timer in the same slot of level 0. Disarming is
// O(1). A timer moves to a lower level at most five times, usually once.
#pragma once

#include <array>
#include <cstdint>

#include "async/node.h"
#include "async/time.h"

namespace async {

class Job;
class TimerWheel;

class Timer : Link {
 public:
  using Action = void (*)(Timer& timer) noexcept;

  explicit Timer(Action action) noexcept : action_(action) { reset(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Instant deadline() const noexcept { return deadline_; }
  bool armed() const noexcept { return !alone(); }
  /// The wheel in which the timer is armed. Valid only while armed().
  TimerWheel& wheel() const noexcept { return *wheel_; }

 protected:
  // For timers that note in which wheel they were armed, also after they have fired.
  Timer(Action action, Instant deadline) noexcept
      : deadline_(deadline), wheel_(nullptr), action_(action) {
    reset();
  }
  TimerWheel* last_wheel() const noexcept { return wheel_; }

 private:
  friend class TimerWheel;
  Instant deadline_{};
  TimerWheel* wheel_;  // while armed
  // Called once, after disarming, in task context, in the strand. For a SharingTimer the hart may
  // share the strand instead.
  Action action_;
};

/// The wheel of one hart. Strand data, which only this hart changes while it shares the strand: use
/// Executor::arm() and Executor::disarm().
class TimerWheel {
 public:
  TimerWheel() noexcept;

  void insert(Timer& timer, Instant deadline) noexcept;
  void remove(Timer& timer) noexcept;
  /// Fires the timers that are due at `now`, in order of deadline.
  void advance(Instant now) noexcept;
  /// The same, but stops before a timer with another action than `only`. Returns whether it has
  /// fired all that are due.
  bool advance_only(Instant now, Timer::Action only) noexcept;
  /// When to call advance() next: not later than the earliest deadline. `never` if no timer is
  /// armed.
  Instant next() const noexcept;

 private:
  static constexpr unsigned granule_bits = 10;  // 1,024 ns: a slot of level 0
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned slots = 1u << digit_bits;
  static constexpr unsigned levels = 6;  // 2^46 ns, 19 hours; timers beyond that are placed again

  static constexpr unsigned shift_of(unsigned level) noexcept {
    return granule_bits + level * digit_bits;
  }
  /// The time in ns at which a slot begins. Only for the earliest slot of the lowest occupied
  /// level.
  std::uint64_t start_of(unsigned level, unsigned slot) const noexcept {
    const unsigned shift = shift_of(level);
    const std::uint64_t upper = now_ >> shift >> digit_bits << digit_bits;
    return (upper | slot) << shift;
  }
  void place(Timer& timer) noexcept;
  /// Places the timers of a slot again, in the same order: at lower levels, except those beyond the
  /// wheel. now_ must be at or after the start of the slot.
  void distribute(unsigned level, unsigned slot) noexcept;
  template <class MayFire>
  bool advance_while(Instant now, MayFire may_fire) noexcept;
  template <class MayFire>  // the list must be sorted
  static bool fire_due(Link& head, Instant now, MayFire may_fire) noexcept;
  void clear(unsigned level, unsigned slot) noexcept;  // marks a slot as empty

  std::uint64_t now_ = 0;                         // timers due before this time have fired
  std::uint32_t occupied_levels_ = 0;             // bit l: occupied_[l] != 0
  std::array<std::uint64_t, levels> occupied_{};  // bit s: slots_[l][s] has timers
  std::array<std::array<Link, slots>, levels> slots_;
};

}  // namespace async
