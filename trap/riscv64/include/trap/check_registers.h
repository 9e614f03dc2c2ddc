// A self-test: a loop that keeps a different value in every register and checks them all.
// Interrupts and preemption in the loop must not change any. It does not check gp, tp, t5 and t6.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../../context_layout.h"

namespace trap {

struct CheckRegisters {
  const CheckRegisters* self = nullptr;
  std::uintptr_t sp = 0;
  std::uint64_t seed = 0;    ///< the values derive from it
  std::uint64_t rounds = 0;  ///< rounds in which every checked register had its value
  /// Set it to a value other than 0 to end the loop.
  volatile std::uint64_t stop = 0;
  std::uint64_t until_tick = 0;  ///< the loop also ends when `time` reaches this
};
static_assert(offsetof(CheckRegisters, self) == CHECK_SELF);
static_assert(offsetof(CheckRegisters, sp) == CHECK_SP);
static_assert(offsetof(CheckRegisters, seed) == CHECK_SEED);
static_assert(offsetof(CheckRegisters, rounds) == CHECK_ROUNDS);
static_assert(offsetof(CheckRegisters, stop) == CHECK_STOP);
static_assert(offsetof(CheckRegisters, until_tick) == CHECK_UNTIL);

/// Checks the registers in a loop until `stop` or `until_tick`. Returns true if none has changed.
extern "C" bool cotrap_check_registers(CheckRegisters& check);

}  // namespace trap
