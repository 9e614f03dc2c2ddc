// Finds the machine's virtio devices, starts their drivers (virtio_drivers.h), and lists the disks.
#pragma once

#include <memory>
#include <span>

#include "devices/block_device.h"
#include "memory/paged_text.h"

namespace kernel {

/// Starts the driver of each device that has one, and enables its interrupt. Call once at boot, on
/// the hart that takes external interrupts. Its executor must exist.
void start_virtio_devices();

/// The disks vda, vdb … in this order. Disks that failed to start are not included.
std::span<const std::unique_ptr<BlockDevice>> disks();

/// /proc/disks: a line of counters for each disk.
void list_disks(PagedText& out);

}  // namespace kernel
