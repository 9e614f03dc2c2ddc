// The registers of a virtio device on PCI: where its capabilities say that they are (Virtual I/O
// Device specification 1.2, section 4.1), and the entry of its MSI-X table.
#pragma once

#include <hal/boot.h>
#include <hal/virtio.h>

#include <cstdint>
#include <expected>

#include "pci.h"

namespace hal::pc {

/// Ranges of physical memory. Each is not empty and in a BAR, but for `config` and `message`.
struct VirtioParts {
  MemoryRange common;
  MemoryRange notify;
  MemoryRange isr;
  MemoryRange config;   ///< empty: the device has no configuration
  MemoryRange message;  ///< the first entry of the MSI-X table; empty: the device sends no messages
  std::uint32_t notify_multiplier = 0;  ///< bytes from a queue's notification address to the next
};

/// The type of the device; nothing if it is not a virtio device.
std::optional<virtio::DeviceType> virtio_type(const pci::Function& function);

/// `is_free(range)`: whether a BAR may select the range.
std::expected<VirtioParts, pci::Trouble> find_virtio_parts(
    const pci::Function& function, bool (*is_free)(const MemoryRange& range));

/// Makes the device send messages instead of asserting its interrupt pin. The device has the
/// capability.
void enable_messages(const pci::Function& function);

}  // namespace hal::pc
