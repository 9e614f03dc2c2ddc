// The trap shape `handler`, a build option (COTRAP_TRAP_SHAPE=handler): a trap calls a handler of
// the kernel, which returns to the program by itself. run_user() returns only if the thread has to
// wait or to yield.
//
//     call:     program ──trap──▶ run_user() returns ──▶ the thread's coroutine ──▶ run_user() …
//     handler:  program ──trap──▶ cotrap_handle_trap() ──0──▶ program
//                                          └─a cause──▶ run_user() returns
//
// Both shapes save the same registers to the same place by the same code (user_entry.S).
#pragma once

#include <async/interrupt.h>
#include <trap/user_context.h>

#include <cstdint>

namespace trap {

// The library cotrap_trap_shape defines the macro (trap/CMakeLists.txt).
inline constexpr bool traps_call_handler = COTRAP_TRAPS_CALL_HANDLER;
/// The cause of a system call. Only riscv64 has the shape `handler`, so this is a value of scause.
inline constexpr std::uint64_t syscall_cause = 8;

}  // namespace trap

/// Called with all of the program's registers in `context`, interrupts masked, on the stack of
/// run_user()'s caller, outside the strand. Returns 0 to return to the program, with the registers
/// of `context`. Any other value is the cause that run_user() returns: the trap's own cause, if the
/// thread's coroutine must serve the trap, or what cause_of() returns, with the strand held.
/// `claimed` is what the trap entry has claimed, as in trap_fast_path.h.
extern "C" std::uint64_t cotrap_handle_trap(trap::UserContext& context, std::uint64_t cause,
                                            async::Interrupt* claimed);

namespace trap {

using TrapHandler = decltype(&cotrap_handle_trap);
/// The function that traps on this hart call, with the contract of cotrap_handle_trap(). The system
/// call that measures bare round trips replaces it for each of them. Only the shape `handler` has
/// it; user_entry.S reads it.
extern constinit thread_local TrapHandler trap_handler asm("cotrap_trap_handler");

}  // namespace trap
