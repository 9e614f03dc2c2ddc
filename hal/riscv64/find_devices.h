// Reads the machine's description from the device tree.
#pragma once

#include <hal/boot.h>
#include <hal/device_tree.h>

#include <cstdint>

namespace hal::riscv64 {

/// Fills in `devices`. Call it before enter_kernel_space(). The tree is in the direct map.
void find_devices(const DeviceTree& tree, std::uint64_t boot_hart_id);

/// Returns memory, boot archive and command line. The result refers to the tree and to static
/// storage.
BootInfo describe_boot(const DeviceTree& tree);

}  // namespace hal::riscv64
