// The machine's clock and this hart's one-shot timer.
#pragma once

#include <cstdint>

namespace hal {

/// Nanoseconds since the kernel was entered; the same on every hart, never goes back. Any context.
std::uint64_t now_ns();

inline constexpr std::uint64_t no_deadline = ~std::uint64_t{0};

/// How long so many ticks of the clock are. Any context.
std::uint64_t ticks_in_ns(std::uint64_t ticks);

/// What clock_ticks() shows at `ns`, or as soon after it as it can be.
std::uint64_t ticks_at(std::uint64_t ns);

/// Asks for a timer interrupt on this hart when clock_ticks() reaches `deadline`, at once if it
/// has. There is one deadline a hart: a later call replaces an earlier one, `no_deadline` removes
/// it.
void set_timer(std::uint64_t deadline);

}  // namespace hal

#include <hal/machine/timer.h>  // what this machine inlines
