// Why a program left user mode, or why the kernel enters it: UserContext::last_cause().
//
// The cause of a trap is the machine's: scause on riscv64, trap_num on x86_64. The trap entry
// stores it. If the kernel enters a program of its own accord, that is a simulated trap
// (simulated_trap.h): the kernel chooses the program counter and a cause of this table, and the
// cause decides which registers the program finds. No machine has these causes.
#pragma once

#include <abi/upcall.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace trap {

enum class Cause : std::uint16_t {
  first_instruction = 0x400,  ///< a new thread; a forked child continues behind its call
  execve,                     ///< another program replaced the thread's
  // Upcalls: the kernel enters the program's scheduler (abi/upcall.h).
  page,          ///< a page-in keeps a coroutine waiting
  exception,     ///< an exception stopped a coroutine
  notification,  ///< a notification or a completion interrupts a coroutine

  resume,     ///< the program's scheduler resumes a coroutine that an upcall has stopped
  restart,    ///< the instruction runs again: the thread has waited for its page or its rewriting
  signal,     ///< the program runs a handler of a signal
  sigreturn,  ///< the handler has returned
};

/// Which registers a simulated trap changes.
enum class EntryRegisters : std::uint8_t {
  none,  ///< the program finds those with which it left, or which clone has prepared
  all,   ///< it finds those of a saved or new context
  call,  ///< pc, stack pointer, two arguments, and the default floating-point modes
};

struct SimulatedTrap {
  Cause cause;
  EntryRegisters registers;
  std::uint64_t argument;  ///< of EntryRegisters::call: the second argument, why the call is made
  std::string_view name;   ///< the router's row
};

inline constexpr std::array<SimulatedTrap, 9> simulated_traps{{
    {Cause::first_instruction, EntryRegisters::none, 0, "enter-first"},
    {Cause::execve, EntryRegisters::all, 0, "enter-execve"},
    {Cause::page, EntryRegisters::call, std::uint64_t(abi::Upcall::for_fault), "enter-page"},
    {Cause::exception, EntryRegisters::call, std::uint64_t(abi::Upcall::for_exception),
     "enter-exception"},
    {Cause::notification, EntryRegisters::call, std::uint64_t(abi::Upcall::for_notification),
     "enter-notification"},
    {Cause::resume, EntryRegisters::all, 0, "enter-resume"},
    {Cause::restart, EntryRegisters::none, 0, "enter-restart"},
    {Cause::signal, EntryRegisters::none, 0, "enter-signal"},
    {Cause::sigreturn, EntryRegisters::none, 0, "enter-sigreturn"},
}};

constexpr std::size_t index_of(Cause cause) {
  return static_cast<std::size_t>(cause) - static_cast<std::size_t>(Cause::first_instruction);
}
constexpr const SimulatedTrap& simulated_trap(Cause cause) {
  return simulated_traps[index_of(cause)];
}

static_assert([] {
  for (std::size_t i = 0; i < simulated_traps.size(); ++i) {
    if (index_of(simulated_traps[i].cause) != i) return false;
  }
  return true;
}());

}  // namespace trap
