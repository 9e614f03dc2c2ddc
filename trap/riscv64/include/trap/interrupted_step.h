// The CSRs of an interrupted step. kernel_trap.S keeps the other registers on the step's stack. The
// interrupt handler constructs this object before it preempts the step.
#pragma once

#include <hal/machine/csr.h>

#include <cstdint>

namespace trap {

class InterruptedStep {
 public:
  /// Reads the CSRs of the interrupt in progress. All members need interrupts masked.
  InterruptedStep() : pc_{HAL_READ_CSR(HAL_CSR("epc"))} {}

  std::uintptr_t pc() const { return pc_; }

  /// Call it before the hart runs other code: clears SPP, so that the next `sret` can enter a
  /// program.
  void preempt() const { HAL_CLEAR_CSR(HAL_CSR("status"), hal::riscv64::status::pp); }
  /// Sets the CSRs so that the next `sret` returns to the step, perhaps on another hart than
  /// before.
  void resume_preempted() const {
    using namespace hal::riscv64;
    HAL_WRITE_CSR(HAL_CSR("epc"), pc_);
    HAL_SET_CSR(HAL_CSR("status"), status::pp | status::pie);
  }

 private:
  std::uintptr_t pc_;
};

}  // namespace trap
