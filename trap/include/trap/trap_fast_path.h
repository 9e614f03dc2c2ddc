// The fast path of a program's interrupts and page faults: AsyncTrap's handler1 for these traps.
// The trap entry saves the same registers as for a system call (fast_path.h). The others still hold
// the program's values.
//
//     trap → partial save → cotrap_serve_trap() ──0──▶ partial restore → sret
//                               │ a cause
//                               ▼
//                          full save → run_user() returns → the thread's coroutine
//
// Both trap paths of riscv64 have it, in the trap shape `call`. In the shape `handler` all
// registers are saved before the handler runs (handler.h).
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

#include <cstdint>

/// Called with interrupts masked, outside the strand, on the stack of run_user()'s caller. The
/// context's registers are not valid yet. Returns 0 to return to the program. Any other value is
/// the cause that run_user() returns: `cause`, if the thread's coroutine must serve the trap, or
/// UserContext::call_answered, with the strand held or shared.
extern "C" std::uint64_t cotrap_serve_trap(trap::UserContext& context, std::uint64_t cause);
