// x86_64: nobody counts instructions for programs, and the clock is the kernel's.
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
