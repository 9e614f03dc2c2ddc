// The first stage of a system call: answered while the registers that a function keeps are still
// the program's own. Between "the program runs" and "everything of it is saved" there is room for a
// function that needs only the registers that calls may change:
//
//     ecall → partial save → stage one ──at once──▶ partial restore → sret
//                               │ waits, or answered and somebody else is to run
//                               ▼
//                          entire save → run_user() returns → stage two, in a coroutine
//
// A call that has to wait has changed nothing by then (syscall_table.h), so stage two finds the
// program as if stage one had not run. Only where the kernel is mapped beside the program
// (the trap path `shared`).
#pragma once

#include <abi/numbers.h>
#include <trap/trap.h>
#include <trap/typed_call.h>
#include <trap/user_context.h>

namespace trap {

struct StageOneAnswer {
  Register result;
  /// 0: back to the program at once, with `result`. Or the context's cause when run_user() returns
  /// instead, with the program after its call: UserContext::call_waits, call_answered,
  /// call_gives_way.
  std::uint64_t instead = 0;
};
static_assert(sizeof(StageOneAnswer) == 16, "two registers");

/// Interrupts masked. Of the context only syscall_number(), syscall_arguments(), the stack and the
/// return address are current; the result is set by whoever answers something else than at once.
using StageOneCall = StageOneAnswer (*)(UserContext& context);

/// By number, Linux's and then, less abi::first_own_call, those that Linux does not have; null: the
/// call has no first stage.
inline constexpr std::size_t stage_one_calls = STAGE_ONE_CALLS;
inline constexpr std::size_t stage_one_own_calls = STAGE_ONE_OWN_CALLS;
using StageOneTable = std::array<StageOneCall, stage_one_calls + stage_one_own_calls>;
static_assert(FIRST_OWN_CALL == abi::first_own_call);

}  // namespace trap

/// The table in use, set before there are programs. user_entry.S reads it.
extern "C" const trap::StageOneTable* cotrap_stage_one_table;
