// pc: interrupts of a hart.
//
// The register IRR of a local APIC shows pending interrupts, but software cannot clear its bits:
// the processor must accept the interrupt. So the functions here unmask interrupts for one
// instruction. The gates of the interrupt descriptor table then record each interrupt in the hart's
// word `pending` (hal/pc/interrupts.cpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace hal {

namespace pc {

/// Interrupts from this number on are messages of PCI devices; those below it are lines of the I/O
/// APICs.
inline constexpr std::uint32_t first_message = 96;

namespace interrupt {  // bits of the pending word
inline constexpr std::uint32_t software = 1 << 0;
inline constexpr std::uint32_t timer = 1 << 1;
inline constexpr std::uint32_t external = 1 << 2;
}  // namespace interrupt

/// The interrupts that this hart has accepted. Only the hart itself changes it, with interrupts
/// masked.
extern constinit thread_local std::uint32_t pending asm("cotrap_pending");

inline constexpr std::uint64_t interrupt_flag = 1 << 9;  // of the register RFLAGS

inline std::uint64_t flags() {
  std::uint64_t value;
  asm volatile("pushfq\n\tpopq %0" : "=r"(value)::"memory");
  return value;
}

/// Accepts all interrupts that wait at the local APIC. Interrupts are masked after it if they were
/// before. `sti` takes effect after the next instruction, so they arrive at `popfq`. By the four
/// bytes of these instructions the gates of trap/ know that an interrupt has not stopped a step
/// (trap/pc/user_entry.S).
inline void accept_interrupts() {
  asm volatile("pushfq\n\tsti\n\tnop\n\tpopfq" ::: "memory", "cc");
}

/// The accepted interrupts; if there are none, those that wait are accepted first.
inline std::uint32_t take_stock() {
  if (pending == 0) accept_interrupts();
  return pending;
}

}  // namespace pc

inline std::string_view interrupt_controller(Irq irq) {
  return static_cast<std::uint32_t>(irq) < pc::first_message ? "I/O APIC" : "MSI-X";
}

inline void mask_interrupts() {
  asm volatile("cli" ::: "memory");
}
inline void unmask_interrupts() {
  asm volatile("sti" ::: "memory");
}

inline InterruptGuard::InterruptGuard() : before_{pc::flags() & pc::interrupt_flag} {
  mask_interrupts();
}
inline InterruptGuard::~InterruptGuard() {
  if (before_ != 0) unmask_interrupts();
}

inline bool interrupt_is_pending() {
  return pc::take_stock() != 0;
}
inline bool timer_is_pending() {
  return (pc::take_stock() & pc::interrupt::timer) != 0;
}
inline bool take_ipi() {
  if ((pc::take_stock() & pc::interrupt::software) == 0) [[likely]]
    return false;
  pc::pending &= ~pc::interrupt::software;
  return true;
}
inline bool external_interrupt_is_pending() {
  return (pc::take_stock() & pc::interrupt::external) != 0;
}

}  // namespace hal
