// What the hart itself knows of a kernel step that an interrupt came upon (kernel_trap.S keeps the
// rest on the step's stack). An object of it is made in the handler, before the stack is given to
// others.
#pragma once

#include <hal/machine/csr.h>

#include <cstdint>

namespace trap {

class InterruptedStep {
 public:
  /// Of the interrupt that is being handled. Interrupts masked, as in all of this.
  InterruptedStep() : pc_{HAL_READ_CSR("sepc")} {}

  std::uintptr_t pc() const { return pc_; }

  /// The hart is about to go on with something else, which may be a program.
  void preempt() const { HAL_CLEAR_CSR("sstatus", hal::riscv64::sstatus::spp); }
  /// It is the next that this hart goes back to; it may be another hart.
  void resume_preempted() const {
    using namespace hal::riscv64;
    HAL_WRITE_CSR("sepc", pc_);
    HAL_SET_CSR("sstatus", sstatus::spp | sstatus::spie);
  }

 private:
  std::uintptr_t pc_;
};

}  // namespace trap
