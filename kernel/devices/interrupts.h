// From interrupts to the coroutines that handle them. Nothing is done here but waking.
#pragma once

#include <async/async.h>
#include <hal/counter.h>
#include <hal/interrupts.h>

#include <array>
#include <string_view>

#include "devices/interrupt_backoff.h"

namespace kernel {

/// Where `irq` is raised. A driver is
///
///     async::Interrupt& irq = interrupt_line(number);
///     for (;;) {
///       co_await irq.wait("serial port");
///       …                                   // serve the device
///       hal::complete_interrupt(number);    // the line may be raised again
///     }
///
/// One driver a line; it enables the line itself. Task context.
async::Interrupt& interrupt_line(hal::Irq irq);

/// Who drives a line, for /proc/interrupts; `name` and `backoff` stay for ever. In the strand.
struct LineDriver {
  std::string_view name;
  const InterruptBackoff* backoff = nullptr;
};
void set_line_driver(hal::Irq irq, LineDriver driver);
/// Its name is empty where there is none.
LineDriver line_driver(hal::Irq irq);

/// Before the first one is taken on this hart, and after its trace has begun.
void start_interrupts();

/// Takes what is pending on this hart and wakes whom it concerns. Interrupts masked: after a trap
/// from user mode or from a preemptible step, at a yield point, between two steps of a long system
/// call.
void take_interrupts();

/// What has come to a hart so far.
struct alignas(64) InterruptCounts {
  hal::Counter timer;
  hal::Counter ipis;      ///< of other harts
  hal::Counter spurious;  ///< external ones that were gone when they were claimed
  std::array<hal::Counter, hal::irq_limit> lines;
};
extern constinit std::array<InterruptCounts, hal::max_harts> interrupt_counts;

}  // namespace kernel
