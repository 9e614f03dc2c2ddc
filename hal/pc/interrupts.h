// Interrupt lines: at boot, and without a device.
#pragma once

#include <hal/interrupts.h>
#include <hal/window.h>

#include <expected>
#include <string_view>

namespace hal::pc {

/// The number of lines of the I/O APIC.
unsigned io_apic_lines(const Window& window);
/// Whether an I/O APIC has the line.
bool has_line(unsigned line);

/// The number of the interrupt that a device raises by the messages of `entry`, an entry of its
/// MSI-X table (message.h). The entry must be masked, and is used after enter_kernel_space(). The
/// error says that there is no number left.
std::expected<Irq, std::string_view> allocate_message(const Window& entry);

/// Masks all lines of all I/O APICs, and selects how they are triggered. Call it before a device
/// can assert one: QEMU's I/O APIC forgets a line that is asserted while its entry is
/// edge-triggered.
void mask_lines();

/// Interrupts the hart for which `irq` is enabled, if any, as if its line had interrupted. Any
/// context.
void send_line(Irq irq);

// The bell's line has no device and no entry in an I/O APIC (bell.cpp).

/// Whether an interrupt must be sent to the hart for which the bell is about to be enabled.
bool bell_rings_unclaimed();
/// The bell's interrupt has arrived at the hart for which it is enabled. Returns false if it is to
/// be ignored. With true the hart has claimed it, until complete_bell().
bool claim_bell();
void complete_bell();

}  // namespace hal::pc
