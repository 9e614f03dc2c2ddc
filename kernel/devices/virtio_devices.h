// The virtio devices that the machine has: their drivers are started here, and the disks are known
// here from then on.
#pragma once

#include <memory>
#include <span>

#include "devices/block_device.h"
#include "memory/paged_text.h"

namespace kernel {

/// Looks into all windows and starts a driver for each device that there is one for. Once, at boot,
/// on the hart whose business interrupts are; its executor is there.
void start_virtio_devices();

/// vda, vdb … in this order. Those that could not be used are not among them.
std::span<const std::unique_ptr<BlockDevice>> disks();

/// /proc/disks: what they have done, a line each.
void list_disks(PagedText& out);

}  // namespace kernel
