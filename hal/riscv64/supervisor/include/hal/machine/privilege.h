// What differs between kernels in supervisor mode and in machine mode: supervisor mode.
#pragma once

#include <hal/machine/csr.h>

namespace hal::riscv64 {

inline constexpr bool in_machine_mode = false;

/// Sets up what the mode needs on this hart. Call it once, after `devices` is filled in.
inline void prepare_hart() {}

/// Whether an interrupt is pending that this hart takes.
inline bool has_pending_interrupt() {
  return HAL_READ_CSR("sip") != 0;  // only timer, software and external can be set
}
inline void clear_software_interrupt() {
  HAL_CLEAR_CSR("sip", interrupt::software);
}

/// Call it in each round of a loop that waits for another hart. The firmware serves other harts.
inline void serve_other_harts() {}

}  // namespace hal::riscv64
