// Hosted: interrupts of a hart that is a thread. Other threads set bits in its pending word and
// send it a signal. Masking sets a word of the hart and needs no system call. A signal handler that
// finds interrupts masked leaves them pending and returns; unmask_interrupts() then takes them.
#pragma once

#include <hal/machine/per_hart.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace hal {

inline InterruptFaults interrupt_faults(unsigned) {
  return {};
}

inline std::string_view interrupt_controller(Irq) {
  return "host";
}

namespace hosted {

namespace interrupt {  // bits of the pending word
inline constexpr std::uint32_t software = 1 << 0;
inline constexpr std::uint32_t timer = 1 << 1;
inline constexpr std::uint32_t external = 1 << 2;
}  // namespace interrupt

/// This hart's words. Any thread sets bits of `pending` (through `raise`); only the hart clears
/// them.
extern constinit thread_local std::atomic<std::uint32_t> pending asm("cotrap_pending");
extern constinit thread_local std::uint32_t masked asm("cotrap_masked");

/// Takes all pending interrupts. The hart has just unmasked them.
void take_pending();

}  // namespace hosted

inline void mask_interrupts() {
  HAL_STORE_PER_HART_WORD("cotrap_masked", 1);
}
inline void unmask_interrupts() {
  HAL_STORE_PER_HART_WORD("cotrap_masked", 0);
  if (HAL_LOAD_PER_HART_WORD("cotrap_pending") != 0) [[unlikely]]
    hosted::take_pending();
}

inline InterruptGuard::InterruptGuard() : before_{HAL_LOAD_PER_HART_WORD("cotrap_masked")} {
  mask_interrupts();
}
inline InterruptGuard::~InterruptGuard() {
  if (before_ == 0) unmask_interrupts();
}

inline bool interrupt_is_pending() {
  return HAL_LOAD_PER_HART_WORD("cotrap_pending") != 0;
}
inline bool timer_is_pending() {
  return (HAL_LOAD_PER_HART_WORD("cotrap_pending") & hosted::interrupt::timer) != 0;
}
inline bool take_ipi() {
  using namespace hosted;
  if ((HAL_LOAD_PER_HART_WORD("cotrap_pending") & interrupt::software) == 0) [[likely]]
    return false;
  pending.fetch_and(~interrupt::software);
  return true;
}

}  // namespace hal
