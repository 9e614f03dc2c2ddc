// The drivers of virtio devices. devices/drivers/ has a source for each type of device, which adds
// its driver with KERNEL_VIRTIO_DRIVER.
#pragma once

#include <async/registry.h>

#include "devices/virtio_device.h"

namespace kernel {

struct VirtioDriver {
  const char* name;
  virtio::DeviceType type;
  /// Starts the driver of one device of this type, which exists for ever. Its interrupt is enabled.
  /// Called at boot, once for each device, on the hart that takes external interrupts.
  void (*start)(virtio::Transport& transport);
};

async::Registry<VirtioDriver> virtio_drivers();

/// Starts the driver of each device that has one, and enables its interrupt. Call once at boot, on
/// the hart that takes external interrupts. Its executor must exist.
void start_virtio_devices();

/// Adds a driver for the devices of one type, in namespace kernel. `type_number` is a decimal
/// literal, from section 5 of the specification. Two drivers of one type are an error of the
/// linker. `starter` is VirtioDriver::start.
#define KERNEL_VIRTIO_DRIVER(type_number, driver_name, starter)                                  \
  constexpr VirtioDriver driver_of_type_##type_number{driver_name,                               \
                                                      virtio::DeviceType{type_number}, starter}; \
  ASYNC_REGISTER(cotrap_virtio_drivers, #type_number, driver_of_type_##type_number)

}  // namespace kernel
