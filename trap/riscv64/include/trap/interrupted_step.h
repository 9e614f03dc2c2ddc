// The CSRs of an interrupted step. kernel_trap.S keeps the other registers on the step's stack. The
// interrupt handler constructs this object before it preempts the step.
#pragma once

#include <hal/machine/csr.h>

#include <cstdint>

namespace trap {

class InterruptedStep {
 public:
  /// Reads the CSRs of the interrupt in progress. All members need interrupts masked.
  InterruptedStep() : pc_{HAL_READ_CSR("sepc")} {}

  std::uintptr_t pc() const { return pc_; }

  /// Call it before the hart runs other code: clears SPP, so that the next `sret` can enter a
  /// program.
  void preempt() const { HAL_CLEAR_CSR("sstatus", hal::riscv64::sstatus::spp); }
  /// Sets the CSRs so that the next `sret` returns to the step, perhaps on another hart than
  /// before.
  void resume_preempted() const {
    using namespace hal::riscv64;
    HAL_WRITE_CSR("sepc", pc_);
    HAL_SET_CSR("sstatus", sstatus::spp | sstatus::spie);
  }

 private:
  std::uintptr_t pc_;
};

}  // namespace trap
