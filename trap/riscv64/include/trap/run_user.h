// Running a user program is a call.
//
//     Trap trap = run_user(context);   // user mode from context.pc on, until the program traps
//
// The assembly saves and restores only the user's registers. The call declares every register
// except sp and tp as clobbered, so the compiler saves only live values. In a coroutine most of
// these are in the frame already.
#pragma once

#include <hal/machine/csr.h>
#include <hal/machine/privilege.h>
#include <trap/trap.h>
#include <trap/user_context.h>

#include <array>

extern "C" void cotrap_enter_user();  // user_entry.S; called only from run_user

namespace trap {

/// With physical memory protection, the kernel resolves access faults like page faults.
inline constexpr Trap::Kind access_fault =
    hal::riscv64::in_machine_mode ? Trap::page_fault : Trap::access_fault;

/// The exceptions by cause number, without `address`.
inline constexpr std::array<Trap, 16> exceptions{{
    {Trap::misaligned, hal::Access::execute, 0},
    {access_fault, hal::Access::execute, 1},
    {Trap::illegal_instruction, hal::Access::execute, 2},
    {Trap::breakpoint, hal::Access::none, 3},
    {Trap::misaligned, hal::Access::read, 4},
    {access_fault, hal::Access::read, 5},
    {Trap::misaligned, hal::Access::write, 6},
    {access_fault, hal::Access::write, 7},
    {Trap::syscall, hal::Access::none, 8},
    {Trap::unknown, hal::Access::none, 9},  // 9, 10, 11 and 14 do not come from programs
    {Trap::unknown, hal::Access::none, 10},
    {Trap::unknown, hal::Access::none, 11},
    {Trap::page_fault, hal::Access::execute, 12},
    {Trap::page_fault, hal::Access::read, 13},
    {Trap::unknown, hal::Access::none, 14},
    {Trap::page_fault, hal::Access::write, 15},
}};

/// Decodes scause and stval (RISC-V privileged specification 1.12, table 4.2), or what cause_of()
/// has returned. Calls `read_stval()` only for an exception.
template <class ReadStval>
[[gnu::always_inline]] inline Trap decode(std::uint64_t scause, ReadStval read_stval) {
  const auto cause = static_cast<std::uint32_t>(scause);
  if (scause == UserContext::syscall_cause) return {.kind = Trap::syscall};
  if (scause == cause_of(Trap::would_block)) [[likely]]
    return {.kind = Trap::would_block};
  if (scause == cause_of(Trap::call_answered)) return {.kind = Trap::call_answered};
  if (static_cast<std::int64_t>(scause) < 0) return {.kind = Trap::interrupt, .cause = cause};
  Trap trap =
      scause < exceptions.size() ? exceptions[scause] : Trap{.kind = Trap::unknown, .cause = cause};
  trap.address = read_stval();
  return trap;
}

/// The kind of the trap with this scause.
inline Trap::Kind kind_of_cause(std::uint64_t scause) {
  return decode(scause, [] { return std::uint64_t{0}; }).kind;
}

/// The exception that has stopped the program of the context, with this scause. It is no system
/// call.
inline Trap decode_exception(const UserContext&, std::uint64_t scause) {
  Trap trap = {.kind = Trap::unknown, .cause = static_cast<std::uint32_t>(scause)};
  if (scause < exceptions.size()) trap = exceptions[scause];
  trap.address = HAL_READ_CSR(HAL_CSR("tval"));
  return trap;
}

/// Runs the program in `context` on this hart until it traps. Interrupts are masked before and
/// after, and unmasked in the program. The program's address space must be selected, and
/// sstatus.SPP clear. Task context. The call does not suspend the coroutine.
[[gnu::always_inline]] inline Trap run_user(UserContext& context) {
  register UserContext* a0 asm("a0") = &context;
  register std::uint64_t cause asm("a1");
  asm volatile("call cotrap_enter_user"
               : "+r"(a0), "=r"(cause)
               :
               : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a2", "a3", "a4", "a5", "a6", "a7",
                 "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
                 "memory");
  return decode(cause, [] { return HAL_READ_CSR(HAL_CSR("tval")); });
}

}  // namespace trap
