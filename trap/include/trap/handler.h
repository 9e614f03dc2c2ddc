// The other shape of a trap, a build option (COTRAP_TRAP_SHAPE=handler): the program's trap calls
// a handler of the kernel's, which goes back to the program by itself. Only where it cannot,
// because somebody has to wait, run_user() returns.
//
//     call:     program ──trap──▶ run_user() returns ──▶ the thread's coroutine ──▶ run_user() …
//     handler:  program ──trap──▶ cotrap_handle_trap() ──0──▶ program
//                                          └─a cause──▶ run_user() returns
//
// One mechanism: both save the same registers to the same place by the same code (user_entry.S).
#pragma once

#include <trap/user_context.h>

#include <cstdint>

namespace trap {

#ifdef COTRAP_TRAP_HANDLER
inline constexpr bool traps_call_handler = true;
#else
inline constexpr bool traps_call_handler = false;
#endif

}  // namespace trap

/// All of the program's registers are in `context`; interrupts masked; on the stack of who called
/// run_user(), outside the strand. 0: back to the program, as `context` says. Otherwise run_user()
/// returns with this cause: the trap's own with nothing changed, or UserContext::call_waits or
/// call_answered with the strand held.
extern "C" std::uint64_t cotrap_handle_trap(trap::UserContext& context, std::uint64_t cause);
