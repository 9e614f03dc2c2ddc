// The alarm of the machine's clock, used as a bell: an external interrupt that the kernel can have
// when it wants one. For self-tests; a machine without such a clock has none.
#pragma once

#include <hal/interrupts.h>

namespace hal {

/// The line it rings on; Irq::none if there is none.
Irq bell_interrupt();
/// From now on it can be rung.
void enable_bell();
/// It rings at once, until it is silenced. One store.
void ring_bell();
void silence_bell();

}  // namespace hal
