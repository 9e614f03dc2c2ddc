// The claim of an external interrupt, and the push that wakes its handler.
//
//   claim the line at the interrupt controller ─▶ look up its entry ─▶ push into the hart's inbox
//
// On riscv64 these three need no stack, and no memory but the hart's own record, the line's entry,
// and the inbox. So the trap entry does them before it relies on any stack (riscv64/claim.inc). The
// kernel then delivers the interrupt, from the inbox to the handler's coroutine.
//
// The hosted machine has no interrupt controller. There the claim is a function of the host process
// (x86_64/claim.cpp), which its signal handlers and yield points call on their own stack.
#pragma once

#include <async/interrupt.h>
#include <hal/counter.h>

#include <cstddef>

namespace trap {

/// The size and alignment of an entry in the kernel's table of interrupt lines. An entry begins
/// with the async::Interrupt of its line.
inline constexpr std::size_t line_bytes = 64;

/// Prepares this hart. `lines` has an entry for each number of hal::Irq. `spurious` counts claims
/// that find no pending line. Call it after this hart's executor has been made, before the first
/// external interrupt.
void start_claims(async::Interrupt* lines, hal::Counter& spurious);

}  // namespace trap

/// Claims the most urgent pending line of this hart, and raises the line's interrupt. Returns the
/// interrupt, or null if no line is pending. Only the hart whose task waits for a line claims it.
/// Interrupts masked.
extern "C" async::Interrupt* cotrap_claim();
