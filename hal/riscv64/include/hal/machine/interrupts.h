// riscv64: the functions of hal/interrupts.h that are one or two instructions long.
#pragma once

#include <hal/machine/csr.h>
#include <hal/machine/privilege.h>

#include <string_view>

namespace hal {

inline InterruptFaults interrupt_faults(unsigned) {
  return {};
}

inline std::string_view interrupt_controller(Irq) {
  return "PLIC";
}

inline void mask_interrupts() {
  HAL_CLEAR_CSR(HAL_CSR("status"), riscv64::status::ie);
}
inline void unmask_interrupts() {
  HAL_SET_CSR(HAL_CSR("status"), riscv64::status::ie);
}

// The constructor and the destructor are one instruction each. The destructor sets every bit of the
// old value. That changes only `ie`, because code under a guard clears no other bit of it.
inline InterruptGuard::InterruptGuard()
    : before_{HAL_TEST_AND_CLEAR_CSR(HAL_CSR("status"), riscv64::status::ie)} {}

inline InterruptGuard::~InterruptGuard() {
  HAL_SET_CSR(HAL_CSR("status"), before_);
}

inline bool interrupt_is_pending() {
  return riscv64::has_pending_interrupt();
}
inline bool timer_is_pending() {
  return (HAL_READ_CSR(HAL_CSR("ip")) & riscv64::interrupt::timer) != 0;
}
inline bool take_ipi() {
  using riscv64::interrupt::software;
  if ((HAL_READ_CSR(HAL_CSR("ip")) & software) == 0) [[likely]]
    return false;
  riscv64::clear_software_interrupt();
  return true;
}
inline bool external_interrupt_is_pending() {
  return (HAL_READ_CSR(HAL_CSR("ip")) & riscv64::interrupt::external) != 0;
}

}  // namespace hal
