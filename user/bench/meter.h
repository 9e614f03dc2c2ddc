// The meter of a run: instructions if counts are exact (user/counters.h), else the clock. A run
// never mixes both.
#pragma once

#include <user/counters.h>

#include <cstdint>

namespace bench {

using user::clock_ticks;
using user::instructions;
using user::nanoseconds_per_tick;

enum class Kind : bool { time, instructions };

/// The meter of this run. main() sets it before the first benchmark.
extern Kind kind;

inline bool is_counted() {
  return kind == Kind::instructions;
}

/// Nanoseconds since the clock's start; in steps of 100 on the RISC-V machine.
inline std::uint64_t clock_ns() {
  return clock_ticks() * nanoseconds_per_tick;
}

/// The meter's value, in instructions or nanoseconds. Differences are costs.
inline std::uint64_t reading() {
  return is_counted() ? instructions() : clock_ns();
}

}  // namespace bench
