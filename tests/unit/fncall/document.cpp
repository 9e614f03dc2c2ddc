// A test of run_fncall() with fixed values: the program finds the registers of its context, and the
// context then has the registers that the program changed.
//
// The program and the values are those of the unit test `run_fncall` in trapframe-rs
// (https://github.com/rcore-os/trapframe-rs, src/arch/x86_64/fncall.rs). That test omits rsp and
// r11, which this one checks, too. The second test case is Cotrap's own.

#include <catch2/catch_test_macros.hpp>

#include "machine.h"

using trap::GeneralRegs;
using trap::UserContext;

TEST_CASE("a program starts with its context's registers and leaves them as they are at the gate") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  alignas(16) std::array<std::byte, 0x1000> stack{};
  const auto top = reinterpret_cast<std::uint64_t>(stack.data()) + stack.size();
  UserContext context;
  context.general = {.rax = 0,
                     .rbx = 1,
                     .rcx = 2,
                     .rdx = 3,
                     .rsi = 4,
                     .rdi = 5,
                     .rbp = 6,
                     .rsp = top,
                     .r8 = 8,
                     .r9 = 9,
                     .r10 = 10,
                     .r11 = 11,
                     .r12 = 12,
                     .r13 = 13,
                     .r14 = 14,
                     .r15 = 15,
                     .rip = address_of(dump_registers)};

  run_fncall(context);

  // The registers that the program pushed; the slot of rsp holds the stack pointer before the push.
  GeneralRegs found;
  std::memcpy(&found, reinterpret_cast<const void*>(context.general.rsp), 16 * 8);
  const GeneralRegs& in = found;
  CHECK(in == GeneralRegs{.rax = 0,
                          .rbx = 1,
                          .rcx = 2,
                          .rdx = 3,
                          .rsi = 4,
                          .rdi = 5,
                          .rbp = 6,
                          .rsp = top - 8 * 8,
                          .r8 = 8,
                          .r9 = 9,
                          .r10 = 10,
                          .r11 = 11,
                          .r12 = 12,
                          .r13 = 13,
                          .r14 = 14,
                          .r15 = 15});
  const GeneralRegs& out = context.general;
  CHECK(out == GeneralRegs{.rax = 10,
                           .rbx = 11,
                           .rcx = 12,
                           .rdx = 13,
                           .rsi = 14,
                           .rdi = 15,
                           .rbp = 16,
                           .rsp = top - 16 * 8,
                           .r8 = 18,
                           .r9 = 19,
                           .r10 = 20,
                           .r11 = 21,
                           .r12 = 22,
                           .r13 = 23,
                           .r14 = 24,
                           .r15 = 25,
                           .rip = out.rip,
                           .rflags = out.rflags});
  CHECK(context.trap_num == 0x100);
  CHECK(context.error_code == 0);
}

TEST_CASE("a call of the gate is a system call") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  alignas(16) std::array<std::byte, 0x1000> stack{};
  UserContext context;
  context.general.rip = address_of(caller_traps);
  context.set_stack(reinterpret_cast<std::uint64_t>(stack.data() + stack.size()));
  context.general.rax = 64;
  context.general.rdi = 1;
  context.general.rsi = 2;
  context.general.rdx = 3;
  context.general.r10 = 4;
  context.general.r8 = 5;
  context.general.r9 = 6;
  context.general.rbx = 7;

  const trap::Trap trap = run_user(context);

  CHECK(trap.kind == trap::Trap::syscall);
  CHECK(trap.cause == UserContext::gate_call);
  CHECK(context.syscall_number() == 64);
  const UserContext::Arguments arguments = context.syscall_arguments();
  CHECK(arguments.values == std::array<std::uint64_t, 7>{1, 2, 3, 4, 5, 6, 7});
  CHECK(context.program_counter() == address_of(caller_continues));
}
