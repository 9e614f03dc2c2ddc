// Order between memory that a device reads or writes itself and the device's registers. (Accesses
// to registers alone are in order, and so are those to memory that use C++'s atomics.)
#pragma once

namespace hal {

/// What was written to memory before is there for a device that is told about it in a register
/// after.
void fence_before_device();

/// What a device has written to memory is seen after the register that tells of it was read.
void fence_after_device();

}  // namespace hal

#include <hal/machine/device_fence.h>  // what this machine inlines
