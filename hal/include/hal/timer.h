// The machine's clock and this hart's one-shot timer.
#pragma once

#include <cstdint>

namespace hal {

/// Nanoseconds since the kernel was entered. The same on every hart; never decreases. Any context.
std::uint64_t now_ns();

inline constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

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
