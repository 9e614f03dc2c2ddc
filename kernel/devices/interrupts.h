// Delivers interrupts to the driver coroutines. A device's interrupt only wakes the driver and
// calls the listeners of its line (line_listeners.h).
#pragma once

#include <async/async.h>
#include <hal/counter.h>
#include <hal/interrupts.h>

#include <array>
#include <string_view>

#include "base/interrupt_backoff.h"

namespace kernel {

/// The object that `irq` raises. A driver looks like this:
///
///     async::Interrupt& irq = interrupt_line(number);
///     for (;;) {
///       co_await irq.wait("serial port");
///       …                                   // serve the device
///       hal::complete_interrupt(number);    // the line may be raised again
///     }
///
/// Each line has one driver, which enables the line itself. Call in a task.
async::Interrupt& interrupt_line(hal::Irq irq);

/// How often the line has been claimed. All claims are on the hart of interrupt_line(). Any
/// context.
std::uint64_t claims_of(hal::Irq irq);

/// The driver of a line, for /proc/interrupts. `name` and `backoff` must never be freed. Call both
/// functions in the strand.
struct LineDriver {
  std::string_view name;
  const InterruptBackoff* backoff = nullptr;
};
void set_line_driver(hal::Irq irq, LineDriver driver);
/// The name is empty if the line has no driver.
LineDriver line_driver(hal::Irq irq);

/// Prepares this hart. Call before its first interrupt, after trace::start_hart(), and after the
/// hart's executor was made.
void start_interrupts();

/// Takes all pending interrupts of this hart and wakes their drivers. Call with interrupts masked:
/// after a trap from user mode or from a preemptible step, at a yield point, or between two steps
/// of a long system call.
void take_interrupts();
/// The same after a trap. The trap entry has claimed `claimed` (trap/claim.h); null if the trap was
/// not an external interrupt.
void take_interrupts(async::Interrupt* claimed);

/// The interrupts that a hart has taken so far, without those of lines.
struct alignas(64) InterruptCounts {
  hal::Counter timer;
  hal::Counter ipis;      ///< sent by other harts
  hal::Counter spurious;  ///< external interrupts that were gone when the hart claimed them
};
extern constinit std::array<InterruptCounts, hal::max_harts> interrupt_counts;

}  // namespace kernel
