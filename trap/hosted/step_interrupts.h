// How a step takes an interrupt whose signal came upon it.
#pragma once

#include <ucontext.h>

#include <cstdint>

namespace trap {

/// In the handler, for a step that has interrupts unmasked; `state` is what the handler returns to.
void interrupt_step(ucontext_t& state);

}  // namespace trap

/// On the step's stack, interrupts masked: takes all that is pending, so that the step goes on from
/// `pc` with nothing left and interrupts unmasked.
extern "C" void cotrap_take_interrupts(std::uintptr_t pc);
