// A self-test: a loop that keeps a different value in every register and checks them all.
// Interrupts and preemption in the loop must not change any. It does not check rsp, rbp and r15.
#pragma once

#include <hal/timer.h>

#include <cstdint>

extern "C" bool cotrap_look_at_registers(std::uint64_t seed);  // check_registers.S

namespace trap {

struct CheckRegisters {
  std::uint64_t seed = 0;    ///< the values derive from it
  std::uint64_t rounds = 0;  ///< completed checks of all registers
  /// Set it to a value other than 0 to end the loop.
  volatile std::uint64_t stop = 0;
  std::uint64_t until_tick = 0;  ///< the loop also ends when clock_ticks() reaches this
};

/// Runs the loop. Returns true if every register kept its value.
inline bool cotrap_check_registers(CheckRegisters& check) {
  bool intact = true;
  while (check.stop == 0 && hal::clock_ticks() < check.until_tick) {
    intact = cotrap_look_at_registers(check.seed) && intact;
    check.rounds = check.rounds + 1;
  }
  return intact;
}

}  // namespace trap
