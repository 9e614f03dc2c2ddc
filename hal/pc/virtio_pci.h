// The virtio devices on PCI (Virtual I/O Device specification 1.2, section 4.1), with the interface
// of version 1.0 and later.
//
// A device interrupts by messages (MSI-X) if it can. Else it asserts an interrupt pin, for which it
// must be the only device on its line of the I/O APICs.
#pragma once

#include <hal/boot.h>
#include <hal/virtio.h>
#include <hal/window.h>

#include <span>

#include "acpi.h"

namespace hal::pc {

/// Finds the devices, and prints which of them are left out and why. Call it once at boot, when
/// `devices` has the I/O APICs.
void find_virtio_devices(const acpi::Tables& tables, std::span<const MemoryRange> ram);

/// The pages with the devices' registers, in ascending order.
std::span<const Window> virtio_windows();

}  // namespace hal::pc
