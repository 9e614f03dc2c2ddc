// A loop that has a value of its own in every register it may use (all but rsp, and rbp, which it
// looks with) and finds out when one has changed: what is run in the kernel to be interrupted.
#pragma once

#include <cstdint>

namespace trap {

struct CheckRegisters {
  std::uint64_t seed = 0;    ///< the values are made from
  std::uint64_t rounds = 0;  ///< how often it has looked at all of them
  /// Not 0: it ends.
  volatile std::uint64_t stop = 0;
  std::uint64_t until_tick = 0;  ///< … as it does at this reading of hal::clock_ticks()
};

/// True if every register kept its value to the end.
bool cotrap_check_registers(CheckRegisters& check);

}  // namespace trap
