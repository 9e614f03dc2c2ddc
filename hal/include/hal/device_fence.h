// Orders accesses to memory that a device also reads or writes against accesses to the device's
// registers. Register accesses need no fence among themselves.
#pragma once

namespace hal {

/// Earlier writes to memory are visible to the device before later writes to its registers. Call it
/// before you notify the device.
void fence_before_device();

/// Reads of memory after this fence see all that the device wrote before an earlier register read.
/// Call it after you read a status register.
void fence_after_device();

}  // namespace hal

#include <hal/machine/device_fence.h>  // the functions that this machine inlines
