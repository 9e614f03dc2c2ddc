// The device tree's description of the machine, as hal/ and the kernel use it.
#pragma once

#include <hal/boot.h>
#include <hal/device_tree.h>

#include <cstdint>

namespace hal::riscv64 {

/// Fills in `devices`. Before translation is the kernel's own: the tree lies in the direct map.
void find_devices(const DeviceTree& tree, std::uint64_t boot_hart_id);

/// Memory, archive, command line. The result refers to the tree and to static storage.
BootInfo describe_boot(const DeviceTree& tree);

}  // namespace hal::riscv64
