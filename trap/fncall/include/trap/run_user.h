// Running a user program is a call.
//
//     Trap trap = run_user(context);   // user code from general.rip on, until the program traps
//
// The program's registers are loaded, then the hart jumps to it. The program traps when it calls
// the gate (window.S). Only rsp, rbp and rbx of the kernel are preserved. The others are declared
// clobbered, so the compiler saves only live values.
#pragma once

#include <trap/hart_record.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <bit>

namespace trap {

namespace detail {

/// The entry function of the chosen mode (trap/segments.h).
extern "C" constinit void (*cotrap_enter_user)();

struct TwoRegisters {
  std::uint64_t first;
  std::uint64_t second;
};

}  // namespace detail

/// Runs the program in `context` on this hart until it traps. A signal that arrives in the
/// program may end this call too (trap/signal.h). If an interrupt is already pending, the call
/// returns at once. Only on an attached thread (attach_hart). The call does not suspend the
/// coroutine.
[[gnu::always_inline]] inline Trap run_user(UserContext& context) {
  UserContext* rdi = &context;
  detail::TwoRegisters trap;
  void (*enter)() = detail::cotrap_enter_user;
  // The code pushes nothing: the red zone of the calling function is below rsp.
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "jmpq *%%rcx\n"
      "1:"
      : "+D"(rdi), "+c"(enter), "=&a"(trap.first), "=&d"(trap.second)
      :
      : "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3",
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",
        "memory");
  return std::bit_cast<Trap>(trap);
}

/// The kind of the trap with this trap_num: a vector (Intel SDM volume 3, table 6-1), or one of
/// UserContext.
constexpr Trap::Kind kind_of_cause(std::uint64_t trap_num) {
  switch (trap_num) {
    case 0:
    case 16:
    case 19: return Trap::arithmetic;
    case 1:
    case 3: return Trap::breakpoint;
    case 6: return Trap::illegal_instruction;
    case 12:
    case 13: return Trap::access_fault;
    case 14: return Trap::page_fault;
    case 17: return Trap::misaligned;
    case UserContext::gate_call:
    case UserContext::instruction: return Trap::syscall;
    case UserContext::asynchronous: return Trap::interrupt;
    default: return Trap::unknown;
  }
}

/// Like run_user(), but returns nothing: the cause is in the context.
inline void run_fncall(UserContext& context) {
  run_user(context);
}

}  // namespace trap
