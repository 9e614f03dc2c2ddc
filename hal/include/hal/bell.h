// An external interrupt that the kernel can raise itself, for self-tests. It is the alarm of the
// machine's real-time clock. A machine without such a clock has no bell.
#pragma once

#include <hal/interrupts.h>

namespace hal {

/// The interrupt line of the bell; Irq::none if the machine has no bell.
Irq bell_interrupt();
/// Lets the device interrupt. Call once before ring_bell(), and only if bell_interrupt() is not
/// none.
void enable_bell();
/// Raises the interrupt at once; it stays raised until silence_bell(). One store to the device.
void ring_bell();
void silence_bell();

}  // namespace hal
