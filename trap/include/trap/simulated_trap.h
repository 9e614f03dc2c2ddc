// A simulated trap: the kernel enters a program of its own accord. As the hardware does for a real
// trap, it sets a program counter and a cause. The cause decides which registers the program finds
// (cause.h), and the router counts it.
//
//     simulate_trap<cause>(context, to) ──▶ run_user(context) ──▶ the program, at `to`
//
// After a real trap the program finds the registers with which it left, except for the result of a
// system call.
#pragma once

#include <trap/cause.h>
#include <trap/fpu.h>
#include <trap/router.h>
#include <trap/user_context.h>

namespace trap {

/// The registers with which a program continues. The cause decides which members are used.
struct EntryState {
  UserContext* registers = nullptr;  ///< EntryRegisters::all; loses its vector registers
  // EntryRegisters::call:
  std::uint64_t pc = 0;
  std::uint64_t stack = 0;
  std::uint64_t argument = 0;  ///< the first argument
};

/// Makes the next run_user(context) enter the program for `cause`. Its earlier registers are lost,
/// so a caller that keeps them saves them first. For EntryRegisters::call no hart may hold
/// registers of the context: the caller has called trap::fpu::release() or drop(). The thread
/// itself calls it, with interrupts masked.
template <Cause cause>
[[gnu::always_inline]] inline void simulate_trap(UserContext& context, const EntryState& to = {}) {
  constexpr SimulatedTrap trap = simulated_trap(cause);
  switch (trap.registers) {
    case EntryRegisters::none: break;
    case EntryRegisters::all:
      fpu::drop(context);
      if constexpr (cause == Cause::execve) fpu::reset(context);
      context.take_registers(*to.registers);
      break;
    case EntryRegisters::call: context.call(to.pc, to.stack, to.argument, trap.argument); break;
  }
  context.set_cause(cause);
  route(cause);
}

}  // namespace trap
