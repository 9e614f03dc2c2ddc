// A hart's one timer, and the three that share it. Interrupts masked.
#pragma once

#include <hal/timer.h>

#include <array>
#include <cstdint>
#include <utility>

namespace kernel {

enum class Due : std::uint8_t {
  alarm,  ///< the executor's next timer
  turn,   ///< the running program has equals that wait for their turn
  step,   ///< the running step of an independent coroutine is long
};

/// When each timer is due on this hart, by the clock's ticks; hal::no_deadline: never. No timer is
/// due before the time at which it was set.
using Deadlines = std::array<std::uint64_t, 3>;
extern constinit thread_local Deadlines deadlines;

inline std::uint64_t due(Due what) noexcept {
  return deadlines[std::to_underlying(what)];
}
/// `what` is due at `ns` (hal::no_deadline: never) instead of when it was before.
void set_due(Due what, std::uint64_t ns) noexcept;
/// The same, by the clock's ticks.
void set_due_at(Due what, std::uint64_t tick) noexcept;

/// The hart's timer interrupt has come: passes on what is due.
void timer_fired();

}  // namespace kernel
