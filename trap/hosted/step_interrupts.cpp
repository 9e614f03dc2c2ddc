// The step takes the interrupt where the signal found it: the handler puts a call onto its stack,
// and returns into that.
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
