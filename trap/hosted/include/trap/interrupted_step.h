// What the hart itself knows of a kernel step that an interrupt came upon: where. (kernel_trap.S
// keeps the rest on the step's stack.)
#pragma once

#include <cstdint>

namespace trap {

/// Of the interrupt that is being handled.
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
