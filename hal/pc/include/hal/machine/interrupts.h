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

inline constexpr std::string_view interrupt_controller = "I/O APIC";

namespace pc {

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

/// Accepts all interrupts that wait at the local APIC. Interrupts are masked before and after.
inline void accept_interrupts() {
  asm volatile("call hal_accept" ::: "memory");  // gates.S
}

}  // namespace pc

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
  if ((pc::flags() & pc::interrupt_flag) == 0) pc::accept_interrupts();
  return pc::pending != 0;
}
inline bool timer_is_pending() {
  pc::accept_interrupts();
  return (pc::pending & pc::interrupt::timer) != 0;
}
inline bool take_ipi() {
  pc::accept_interrupts();
  if ((pc::pending & pc::interrupt::software) == 0) [[likely]]
    return false;
  pc::pending &= ~pc::interrupt::software;
  return true;
}
inline bool external_interrupt_is_pending() {
  pc::accept_interrupts();
  return (pc::pending & pc::interrupt::external) != 0;
}

}  // namespace hal
