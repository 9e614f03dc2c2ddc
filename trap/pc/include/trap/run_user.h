// Running a user program is a call.
//
//     Trap trap = run_user(context);   // user mode from context.rip on, until the program traps
//
// The assembly saves and restores only the user's registers. The call declares every register but
// rsp as clobbered, so the compiler saves only live values. In a coroutine most of these are in the
// frame already.
#pragma once

#include <trap/trap.h>
#include <trap/user_context.h>

extern "C" void cotrap_enter_user();  // user_entry.S; called only from run_user

namespace trap {

inline constexpr std::uint64_t first_interrupt = 32;

/// The kind of the trap with this cause. For exceptions see the Intel SDM, volume 3, "Exceptions
/// and Interrupts".
constexpr Trap::Kind kind_of_cause(std::uint64_t cause) {
  switch (cause) {
    case CAUSE_DIVIDE_ERROR:
    case 16:
    case 19: return Trap::arithmetic;
    case 1:
    case 3: return Trap::breakpoint;
    case 6:
    case 7: return Trap::illegal_instruction;  // 7: the vector registers are off (trap/fpu.h)
    case 12:
    case 13: return Trap::access_fault;
    case 14: return Trap::page_fault;
    case 17: return Trap::misaligned;
    case CAUSE_SYSCALL: return Trap::syscall;
    case cause_of(Trap::would_block): return Trap::would_block;
    case cause_of(Trap::call_answered): return Trap::call_answered;
    default:
      return cause >= first_interrupt && cause <= CAUSE_PENDING ? Trap::interrupt : Trap::unknown;
  }
}

/// The access that failed, by the error code of a page fault.
constexpr hal::Access access_of_fault(std::uint64_t error_code) {
  constexpr std::uint64_t write = 1 << 1, fetch = 1 << 4;
  if ((error_code & fetch) != 0) return hal::Access::execute;
  return (error_code & write) != 0 ? hal::Access::write : hal::Access::read;
}

/// `si_code` of the SIGFPE of the exception with vector `cause`. For the x87 and SSE it reads their
/// status: call it before another thread's registers are loaded.
int arithmetic_code(std::uint64_t cause);  // fpu.cpp

/// The exception that stopped the program of `context`, or kernel code with these registers. Call
/// it before the next page fault of this hart, and before other floating-point registers are
/// loaded.
inline Trap decode_exception(const UserContext& context, std::uint64_t cause) {
  Trap trap = {.kind = kind_of_cause(cause), .cause = static_cast<std::uint32_t>(cause)};
  switch (trap.kind) {
    case Trap::page_fault:
      trap.access = access_of_fault(context.error_code);
      asm volatile("movq %%cr2, %0" : "=r"(trap.address));
      break;
    case Trap::arithmetic: trap.address = static_cast<std::uint64_t>(arithmetic_code(cause)); break;
    case Trap::illegal_instruction: trap.access = hal::Access::execute; break;
    case Trap::access_fault:
    case Trap::misaligned: trap.access = hal::Access::read; break;
    default: break;
  }
  return trap;
}

/// Runs the program in `context` on this hart until it traps. Interrupts are masked before and
/// after, and unmasked in the program. If the hart has accepted an interrupt already, the call
/// returns at once. The program's address space must be selected. Task context. The call does not
/// suspend the coroutine.
[[gnu::always_inline]] inline Trap run_user(UserContext& context) {
  UserContext* rdi = &context;
  std::uint64_t cause;
  asm volatile("call cotrap_enter_user"
               : "+D"(rdi), "=d"(cause)
               :
               : "rax", "rbx", "rcx", "rsi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                 "r15", "cc", "memory");
  if (cause == cause_of(Trap::would_block)) [[likely]]
    return {.kind = Trap::would_block};
  if (cause == CAUSE_SYSCALL) return {.kind = Trap::syscall, .cause = CAUSE_SYSCALL};
  if (cause < first_interrupt) return decode_exception(context, cause);
  return {.kind = kind_of_cause(cause), .cause = static_cast<std::uint32_t>(cause)};
}

}  // namespace trap
