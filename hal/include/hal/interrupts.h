// Interrupts of a hart: masking them, and which are pending.
//
// The interrupt handler claims an external interrupt; the driver's coroutine completes it after it
// has served the device. Until then the line is silent.
#pragma once

#include <hal/hart.h>

#include <cstdint>
#include <string_view>

namespace hal {

/// Whether any interrupt is pending on this hart. Cheap: the executor calls it between two steps.
bool interrupt_is_pending();

/// Number of an external interrupt line: 1 … irq_limit - 1. 0 means no interrupt. A device has 0 if
/// its line's number is irq_limit or more, or if the machine does not have that line.
enum class Irq : std::uint32_t { none = 0 };
inline constexpr std::uint32_t irq_limit = 128;

/// The name of what delivers the interrupt to harts.
std::string_view interrupt_controller(Irq irq);

/// What the machine's interrupt controllers have not delivered properly to a hart, since boot.
struct InterruptFaults {
  std::uint64_t spurious = 0;  ///< interrupts without a cause, or of lines that were disabled
  std::uint64_t lost = 0;      ///< how often a controller reported that it could not deliver some
};
/// Any context. A controller that tells a hart of spurious interrupts only at the claim, such as a
/// PLIC, has none here.
InterruptFaults interrupt_faults(unsigned hart);

/// Masks interrupts in the kernel on this hart until unmask_interrupts().
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

// The pending interrupts of this hart. Call the following functions with interrupts masked.

/// The timer of `set_timer` has fired. Stays pending until the next `set_timer`. It may fire early
/// on the hosted machine.
bool timer_is_pending();
/// Returns true if another hart has called `send_ipi` since the last call.
bool take_ipi();
/// True if `claim_interrupt` would return a line.
bool external_interrupt_is_pending();

/// Enables or disables `irq` for this hart. One hart at a time has it enabled. Task context.
void enable_interrupt(Irq irq);
void disable_interrupt(Irq irq);

/// Claims the most urgent pending line that this hart has enabled. The line is silent until
/// `complete_interrupt`. Returns Irq::none if none is pending. Interrupt context. The kernel claims
/// by trap/claim.h, which on riscv64 does the same in assembly.
Irq claim_interrupt();
/// Lets a claimed line interrupt again. Any hart may call it. The hart that claimed the line must
/// not have disabled it meanwhile.
void complete_interrupt(Irq irq);

/// Makes `hart` leave `wait_for_interrupt` or user mode. Any context.
void send_ipi(unsigned hart);
void send_ipis(HartMask harts);

}  // namespace hal

#include <hal/machine/interrupts.h>  // the functions that this machine inlines
