// x86_64: programs have no instruction counter; the clock is CLOCK_MONOTONIC.
#pragma once

#include <user/clock.h>

namespace user::machine {

inline unsigned long instructions() {
  return 0;
}

inline unsigned long clock_ticks() {
  return static_cast<unsigned long>(now().count());
}
inline constexpr unsigned long nanoseconds_per_tick = 1;

}  // namespace user::machine
