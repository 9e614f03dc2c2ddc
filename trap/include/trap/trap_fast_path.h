// The fast path of a program's interrupts and page faults: AsyncTrap's handler1 for these traps.
// The trap entry saves the same registers as for a system call (fast_path.h). The others still hold
// the program's values.
//
//     exception → partial save ─────────▶ cotrap_serve_exception() ──0──▶ partial restore → sret
//     interrupt → partial save → claim ─▶ cotrap_serve_interrupt() ──0──▶ partial restore → sret
//                                             │ a cause
//                                             ▼
//                                        full save → run_user() returns → the thread's coroutine
//
// Both trap paths of riscv64 have it, in the trap shape `call`. In the shape `handler` all
// registers are saved before the handler runs (handler.h). The claim is in claim.h.
#pragma once

#include <async/interrupt.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <cstdint>

/// Both are called with interrupts masked, outside the strand, on the stack of run_user()'s caller.
/// The context's registers are not valid yet. They return 0 to return to the program. Any other
/// value is the cause that run_user() returns: `cause`, if the thread's coroutine must serve the
/// trap, or cause_of(Trap::call_answered), with the strand held or shared.
extern "C" std::uint64_t cotrap_serve_exception(trap::UserContext& context, std::uint64_t cause);
/// `claimed`: what the trap entry has claimed, as cotrap_claim() returns it; null if `cause` is not
/// that of an external interrupt.
extern "C" std::uint64_t cotrap_serve_interrupt(trap::UserContext& context, std::uint64_t cause,
                                                async::Interrupt* claimed);
