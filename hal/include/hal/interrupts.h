// Interrupts as the kernel sees them: masked or not on this hart, and which are pending.
//
// External interrupts are claimed by the interrupt handler and completed by the driver coroutine
// that handled them; until then their source is silent. `interrupt_controller` is the name of what
// brings them.
#pragma once

#include <hal/hart.h>

#include <cstdint>

namespace hal {

/// Is something pending on this hart? Cheap enough to be asked between any two steps.
bool interrupt_is_pending();

/// Number of an external interrupt line, 1 … irq_limit - 1. 0 is no interrupt: also what a device
/// has whose line is beyond the limit or the machine's last.
enum class Irq : std::uint32_t { none = 0 };
inline constexpr std::uint32_t irq_limit = 128;

/// No interrupt is taken in the kernel on this hart until unmask_interrupts().
void mask_interrupts();
void unmask_interrupts();

/// Masks interrupts on this hart for its lifetime. Nests.
class [[nodiscard]] InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  std::uint64_t before_;
};

// What is pending on this hart. Interrupts masked.

/// The deadline set with `set_timer` has passed; pending until another one is set.
bool timer_is_pending();
/// Another hart called `send_ipi` since this was last asked.
bool take_ipi();
/// `claim_interrupt` has something to give.
bool external_interrupt_is_pending();

/// Lets `irq` reach this hart, or no longer. If it may reach several, the first to claim it has it.
/// Task context.
void enable_interrupt(Irq irq);
void disable_interrupt(Irq irq);

/// The most urgent external interrupt waiting for this hart, which is silent from now on, for all
/// harts, until `complete_interrupt`; `Irq::none` if there is none (any more). ISR context.
Irq claim_interrupt();
/// On any hart, whichever claimed it: that one must not have disabled it meanwhile.
void complete_interrupt(Irq irq);

/// Makes `hart` leave `wait_for_interrupt` or user mode. Any context.
void send_ipi(unsigned hart);
void send_ipis(HartMask harts);

}  // namespace hal

#include <hal/machine/interrupts.h>  // what this machine inlines
