// Timers: a hierarchical wheel of 8 levels with 64 slots each, 1 ns resolution, nodes inside the
// waiting coroutine's frame. Arming and disarming are O(1); a timer moves down a level at most
// seven times, usually two. Which slot a deadline belongs to follows from the highest 6-bit digit
// in which it differs from the wheel's present time, so equal deadlines always share a slot and
// fire in the order they were armed.
#pragma once

#include <array>
#include <cstdint>

#include "async/node.h"
#include "async/time.h"

namespace async {

class Job;

class Timer : Link {
 public:
  using Action = void (*)(Timer& timer) noexcept;

  explicit Timer(Action action) noexcept : action_(action) { reset(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Instant deadline() const noexcept { return deadline_; }
  bool armed() const noexcept { return !alone(); }

 private:
  friend class TimerWheel;
  Instant deadline_{};
  Action action_;  // called once, disarmed before, in task context between two steps
};

/// Task context of one hart. Use it through Executor::arm() and disarm().
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
  static constexpr unsigned digit_bits = 6;
  static constexpr unsigned slots = 1u << digit_bits;
  static constexpr unsigned levels = 8;  // 2^48 ns is three days; later ones are put back then

  void place(Timer& timer) noexcept;
  static void fire(Timer& timer) noexcept;

  std::uint64_t now_ = 0;                         // nothing before this is still to fire
  std::uint32_t occupied_levels_ = 0;             // bit l: occupied_[l] != 0
  std::array<std::uint64_t, levels> occupied_{};  // bit s: slots_[l][s] has timers
  std::array<std::array<Link, slots>, levels> slots_;
};

}  // namespace async
