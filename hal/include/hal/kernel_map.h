// The kernel's own address space.
#pragma once

#include <hal/boot.h>

namespace hal {

/// Leaves the boot code's provisional mapping for the final one: text read and execute, constants
/// read, data, the rest of RAM and device registers read and write, nothing else; no page under a
/// kernel stack. Every page table made from now on shares it. Once, on the boot hart, when frames
/// can be allocated; false if they could not.
bool enter_kernel_space(const BootInfo& info);

}  // namespace hal
