// Interrupts at boot.
#pragma once

#include <hal/window.h>

namespace hal::pc {

/// The number of lines of the I/O APIC.
unsigned io_apic_lines(const Window& window);

/// Masks all lines of all I/O APICs, and selects how they are triggered. Call it before a device
/// can assert one: QEMU's I/O APIC forgets a line that is asserted while its entry is
/// edge-triggered.
void mask_lines();

}  // namespace hal::pc
