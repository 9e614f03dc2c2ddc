// A self-test: a loop that keeps a different value in every register and checks them all.
// Interrupts and preemption in the loop must not change any. It does not check rsp, rbp and r15.
#pragma once

#include <cstdint>

namespace trap {

struct CheckRegisters {
  std::uint64_t seed = 0;    ///< the values derive from it
  std::uint64_t rounds = 0;  ///< completed checks of all registers
  /// Set it to a value other than 0 to end the loop.
  volatile std::uint64_t stop = 0;
  std::uint64_t until_tick = 0;  ///< the loop also ends when clock_ticks() reaches this
};

/// Runs the loop. Returns true if every register kept its value.
bool cotrap_check_registers(CheckRegisters& check);

}  // namespace trap
