// The interrupted address of a step. kernel_trap.S keeps the registers on the step's stack.
#pragma once

#include <cstdint>

namespace trap {

/// The interrupted address, during an interrupt of this hart.
extern constinit thread_local std::uintptr_t interrupted_pc;

class InterruptedStep {
 public:
  InterruptedStep() : pc_{interrupted_pc} {}

  std::uintptr_t pc() const { return pc_; }
  void preempt() const {}
  void resume_preempted() const {}

 private:
  std::uintptr_t pc_;
};

}  // namespace trap
