// riscv64: the parts of hal/interrupts.h that are an instruction or two.
#pragma once

#include <hal/machine/csr.h>

namespace hal {

inline InterruptGuard::InterruptGuard()
    : were_enabled_{(HAL_TEST_AND_CLEAR_CSR("sstatus", riscv64::sstatus::sie) &
                     riscv64::sstatus::sie) != 0} {}

inline InterruptGuard::~InterruptGuard() {
  if (were_enabled_) HAL_SET_CSR("sstatus", riscv64::sstatus::sie);
}

}  // namespace hal
