// Timers: a hierarchical wheel of 6 levels with 64 slots each, nodes inside the waiting coroutine's
// frame. A slot of level 0 is a microsecond and sorted; a slot of level l + 1 spans all of level l
// and is taken apart when its time comes. Which slot a deadline belongs to follows from the highest
// digit in which it differs from the wheel's present time, so equal deadlines always share a slot
// and fire in the order they were armed.
//
// Arming is O(1), plus a step for each later timer of the same microsecond; disarming is O(1). A
// timer moves down at most five times, usually once.
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
  /// Where it is armed.
  TimerWheel& wheel() const noexcept { return *wheel_; }

 private:
  friend class TimerWheel;
  Instant deadline_{};
  TimerWheel* wheel_;  // while armed
  Action action_;      // called once, disarmed before, in task context between two steps
};

/// Use it through Executor::arm() and disarm().
class TimerWheel {
 public:
  TimerWheel() noexcept;

  void insert(Timer& timer, Instant deadline) noexcept;
  void remove(Timer& timer) noexcept;
  /// Fires everything due at `now`, in order of deadline.
  void advance(Instant now) noexcept;
  /// When to call advance() next: not later than the earliest deadline; `never` if there is none.
  Instant next() const noexcept;

 private:
  static constexpr unsigned granule_bits = 10;  // 1,024 ns: a slot of level 0
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned slots = 1u << digit_bits;
  static constexpr unsigned levels = 6;  // 2^46 ns is 19 hours; later ones are put back then

  static constexpr unsigned shift_of(unsigned level) noexcept {
    return granule_bits + level * digit_bits;
  }
  /// When the earliest slot of the lowest occupied level begins.
  std::uint64_t start_of(unsigned level, unsigned slot) const noexcept {
    const unsigned shift = shift_of(level);
    const std::uint64_t upper = now_ >> shift >> digit_bits << digit_bits;
    return (upper | slot) << shift;
  }
  void place(Timer& timer) noexcept;
  static void fire_due(Link& head, Instant now) noexcept;  // from the front of a sorted list
  void clear(unsigned level, unsigned slot) noexcept;      // its list is empty

  std::uint64_t now_ = 0;                         // nothing before this is still to fire
  std::uint32_t occupied_levels_ = 0;             // bit l: occupied_[l] != 0
  std::array<std::uint64_t, levels> occupied_{};  // bit s: slots_[l][s] has timers
  std::array<std::array<Link, slots>, levels> slots_;
};

}  // namespace async
