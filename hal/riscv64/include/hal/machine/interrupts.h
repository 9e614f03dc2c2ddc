// riscv64: the parts of hal/interrupts.h that are an instruction or two.
#pragma once

#include <hal/machine/csr.h>

#include <string_view>

namespace hal {

inline constexpr std::string_view interrupt_controller = "PLIC";

inline void mask_interrupts() {
  HAL_CLEAR_CSR("sstatus", riscv64::sstatus::sie);
}
inline void unmask_interrupts() {
  HAL_SET_CSR("sstatus", riscv64::sstatus::sie);
}

// Two instructions. All that was set is set again, which changes SIE alone: nothing in a guard's
// scope clears any other bit of sstatus.
inline InterruptGuard::InterruptGuard()
    : before_{HAL_TEST_AND_CLEAR_CSR("sstatus", riscv64::sstatus::sie)} {}

inline InterruptGuard::~InterruptGuard() {
  HAL_SET_CSR("sstatus", before_);
}

inline bool interrupt_is_pending() {
  return HAL_READ_CSR("sip") != 0;  // nothing is in it but the three below
}
inline bool timer_is_pending() {
  return (HAL_READ_CSR("sip") & riscv64::interrupt::timer) != 0;
}
inline bool take_ipi() {
  using riscv64::interrupt::software;
  if ((HAL_READ_CSR("sip") & software) == 0) [[likely]]
    return false;
  HAL_CLEAR_CSR("sip", software);
  return true;
}
inline bool external_interrupt_is_pending() {
  return (HAL_READ_CSR("sip") & riscv64::interrupt::external) != 0;
}

}  // namespace hal
