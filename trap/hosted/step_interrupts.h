// Interrupting a step in which a signal has arrived.
#pragma once

#include <ucontext.h>

#include <cstdint>

namespace trap {

/// Call it in the signal handler, only if the step has interrupts unmasked. `state`: the registers
/// that the handler returns to.
void interrupt_step(ucontext_t& state);

}  // namespace trap

/// Takes all pending interrupts, then unmasks them. Runs on the step's stack with interrupts
/// masked. `pc`: the address at which the step will continue.
extern "C" void cotrap_take_interrupts(std::uintptr_t pc);
