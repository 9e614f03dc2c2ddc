// x86_64: the clock is CLOCK_MONOTONIC. There is no counter of instructions, but with QEMU's option
// -icount shift=0 the time stamp counter counts them.
#pragma once

#include <user/clock.h>

namespace user::machine {

inline unsigned long instructions() {
  unsigned low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return static_cast<unsigned long>(high) << 32 | low;
}

inline unsigned long clock_ticks() {
  return static_cast<unsigned long>(now().count());
}
inline constexpr unsigned long nanoseconds_per_tick = 1;

}  // namespace user::machine
