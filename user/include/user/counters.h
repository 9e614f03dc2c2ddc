// The hart's instruction counter and clock, readable by programs.
//
// riscv64: `instret` is exact only under `-icount shift=0`, where every instruction takes 1 ns, so
// that it and `time` agree. Without icount QEMU's `instret` is noise (up to 30 times off). On
// x86_64 the counter is that of time stamps. Call counts_are_exact() before you print a count of
// instructions.
#pragma once

#include <user/machine/counters.h>

namespace user {

using machine::clock_ticks;
using machine::instructions;
using machine::nanoseconds_per_tick;

// Whether instructions() and clock_ticks() agree on the length of a busy loop, if each instruction
// takes 1 ns.
inline bool counts_are_exact() {
  const auto tick = clock_ticks();
  while (clock_ticks() == tick) {
  }
  const auto first_instruction = instructions();
  const auto first_tick = clock_ticks();
  for (int i = 0; i < 200'000; ++i) asm volatile("");
  const auto count = static_cast<double>(instructions() - first_instruction);
  const auto nanoseconds = static_cast<double>((clock_ticks() - first_tick) * nanoseconds_per_tick);
  return count > 0.99 * nanoseconds && count < 1.01 * nanoseconds + nanoseconds_per_tick;
}

}  // namespace user
