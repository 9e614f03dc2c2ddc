// What is measured with: instructions where counts are exact (user/counters.h), and the clock where
// they are not. Never both in one run.
#pragma once

#include <user/counters.h>

#include <cstdint>

namespace bench {

using user::clock_ticks;
using user::instructions;
using user::nanoseconds_per_tick;

enum class Kind : bool { time, instructions };

/// Of this run; main() sets it before anything is measured.
extern Kind kind;

inline bool is_counted() {
  return kind == Kind::instructions;
}

/// Nanoseconds by the clock, from a beginning of its own; in ticks of 100 on the RISC-V machine.
inline std::uint64_t clock_ns() {
  return clock_ticks() * nanoseconds_per_tick;
}

/// Instructions or nanoseconds: differences are what something cost.
inline std::uint64_t reading() {
  return is_counted() ? instructions() : clock_ns();
}

}  // namespace bench
