// riscv64: the functions of hal/interrupts.h that are one or two instructions long.
#pragma once

#include <hal/machine/csr.h>

#include <string_view>

namespace hal {

inline InterruptFaults interrupt_faults(unsigned) {
  return {};
}

inline std::string_view interrupt_controller(Irq) {
  return "PLIC";
}

inline void mask_interrupts() {
  HAL_CLEAR_CSR("sstatus", riscv64::sstatus::sie);
}
inline void unmask_interrupts() {
  HAL_SET_CSR("sstatus", riscv64::sstatus::sie);
}

// The constructor and the destructor are one instruction each. The destructor sets every bit of the
// old value. That changes only SIE, because code under a guard clears no other bit of sstatus.
inline InterruptGuard::InterruptGuard()
    : before_{HAL_TEST_AND_CLEAR_CSR("sstatus", riscv64::sstatus::sie)} {}

inline InterruptGuard::~InterruptGuard() {
  HAL_SET_CSR("sstatus", before_);
}

inline bool interrupt_is_pending() {
  return HAL_READ_CSR("sip") != 0;  // only timer, software and external can be set
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
