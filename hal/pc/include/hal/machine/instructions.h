// pc: no counter of instructions. The time stamp counter counts them under QEMU's option
// -icount shift=0; elsewhere it counts at its own frequency.
#pragma once

#include <hal/timer.h>

#include <cstdint>

namespace hal {

inline std::uint64_t instructions() {
  return pc::read_counter();
}

}  // namespace hal
