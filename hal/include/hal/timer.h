// The machine's clock and this hart's one-shot timer.
#pragma once

#include <cstdint>

namespace hal {

/// Nanoseconds since the kernel was entered. The same on every hart; never decreases. Any context.
std::uint64_t now_ns();

inline constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

// The clock in the unit in which it is read fastest, and timers are set. Code above hal/ divides by
// clock_period_ns(), so a tick has a whole number of nanoseconds, at least 1.
//
//   std::uint64_t clock_ticks()       the present reading; all harts read one clock. Any context.
//   std::uint64_t clock_period_ns()   the length of a tick
//   std::uint32_t fine_ticks()        a counter that advances between two ticks too, for the order
//   of
//                                     a hart's events; 0 if the machine has none

/// Converts a number of clock ticks to nanoseconds. Any context.
std::uint64_t ticks_in_ns(std::uint64_t ticks);

/// The reading of clock_ticks() at the time `ns` (see now_ns), rounded up.
std::uint64_t ticks_at(std::uint64_t ns);

/// Requests a timer interrupt on this hart when clock_ticks() reaches `deadline`, at once if it
/// already has. Each hart has one deadline: a call replaces the previous one, and `no_deadline`
/// removes it.
void set_timer(std::uint64_t deadline);

}  // namespace hal

#include <hal/machine/timer.h>  // the functions that this machine inlines
