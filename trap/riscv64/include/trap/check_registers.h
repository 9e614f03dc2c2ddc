// A loop that has a value of its own in every register it may use (all but gp, tp and two that it
// looks with) and finds out when one has changed: what is run in the kernel to be interrupted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

struct CheckRegisters {
  const CheckRegisters* self = nullptr;
  std::uintptr_t sp = 0;
  std::uint64_t seed = 0;    ///< the values are made from
  std::uint64_t rounds = 0;  ///< how often it has looked at all of them
  /// Not 0: it ends.
  volatile std::uint64_t stop = 0;
  std::uint64_t until_tick = 0;  ///< … as it does at this reading of the `time` counter
};
static_assert(offsetof(CheckRegisters, self) == CHECK_SELF);
static_assert(offsetof(CheckRegisters, sp) == CHECK_SP);
static_assert(offsetof(CheckRegisters, seed) == CHECK_SEED);
static_assert(offsetof(CheckRegisters, rounds) == CHECK_ROUNDS);
static_assert(offsetof(CheckRegisters, stop) == CHECK_STOP);
static_assert(offsetof(CheckRegisters, until_tick) == CHECK_UNTIL);

/// True if every register kept its value to the end.
extern "C" bool cotrap_check_registers(CheckRegisters& check);

}  // namespace trap
