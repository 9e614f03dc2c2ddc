// The fast path of a system call: AsyncTrap's handler1. The trap entry saves only the caller-saved
// registers and calls the handler. The callee-saved registers still hold the program's values.
//
//     ecall → partial save → handler ──answered──▶ partial restore → sret
//                               │ would block, or another job must run
//                               ▼
//                          full save → run_user() returns → slow path, in the thread's coroutine
//
// The slow path awaits what a handler that would block has left (syscall_table.h). On the trap path
// `trampoline` the entry code also writes satp before the handler, and after it.
#pragma once

#include <abi/numbers.h>
#include <trap/trap.h>
#include <trap/typed_call.h>
#include <trap/user_context.h>

#include <array>
#include <atomic>

namespace trap {

struct FastPathAnswer {
  Register result;
  /// 0: return to the program with `result`. Otherwise run_user() returns, and this is its cause:
  /// cause_of(Trap::would_block) or cause_of(Trap::call_answered). The program counter is behind
  /// the ecall.
  std::uint64_t instead = 0;
};
static_assert(sizeof(FastPathAnswer) == 16, "two registers");

/// Called with interrupts masked. In the context only syscall_number(), syscall_arguments(), the
/// stack pointer and the return address are valid. A function that sets `instead` sets the
/// context's result.
using FastPathCall = FastPathAnswer (*)(UserContext& context);

/// By number: first Linux's calls, then the private calls from abi::first_private_call on. Calls
/// without a fast path have no_fast_path().
inline constexpr std::size_t fast_path_calls = FAST_PATH_CALLS;
inline constexpr std::size_t fast_path_private_calls = FAST_PATH_PRIVATE_CALLS;
inline constexpr std::size_t fast_path_entries = fast_path_calls + fast_path_private_calls;
static_assert(FIRST_PRIVATE_CALL == abi::first_private_call);

/// The end of the trap entry, in user_entry.S: saves the other registers, and returns from
/// run_user(). Only the trap entry may call it.
FastPathAnswer no_fast_path(UserContext& context) asm("cotrap_no_fast_path");

}  // namespace trap

/// The entries in use, which user_entry.S reads by plain loads. start_fast_path() sets them before
/// other harts start, and use_fast_paths() changes them while programs run, by relaxed stores: a
/// hart may call an old entry for a while.
extern "C" std::array<std::atomic<trap::FastPathCall>, trap::fast_path_entries>
    cotrap_fast_path_table;
