// Interrupts a step at the instruction where the signal arrived. The signal handler puts a return
// address onto the step's stack and returns to cotrap_interrupted().
#include "step_interrupts.h"

#include <hal/interrupts.h>

#include <cstdint>

extern "C" void cotrap_interrupted();  // kernel_trap.S

void trap::interrupt_step(ucontext_t& state) {
  constexpr std::uintptr_t red_zone = 128;
  hal::mask_interrupts();
  auto& registers = state.uc_mcontext.gregs;
  const auto sp = static_cast<std::uintptr_t>(registers[REG_RSP]) - red_zone - sizeof(greg_t);
  *reinterpret_cast<greg_t*>(sp) = registers[REG_RIP];
  registers[REG_RSP] = static_cast<greg_t>(sp);
  registers[REG_RIP] = reinterpret_cast<greg_t>(&cotrap_interrupted);
}
