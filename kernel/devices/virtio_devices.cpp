#include "devices/virtio_devices.h"

#include <hal/virtio.h>

#include "devices/virtio_drivers.h"
#include "devices/virtio_mmio.h"

namespace kernel {

ASYNC_DEFINE_REGISTRY(virtio_drivers, cotrap_virtio_drivers, VirtioDriver);

void start_virtio_devices() {
  for (const hal::VirtioWindow& place : hal::virtio_windows()) {
    if (!virtio::MmioTransport::finds_device(place.window)) continue;
    auto transport = std::make_unique<virtio::MmioTransport>(place);
    const virtio::DeviceType type = transport->type();
    const VirtioDriver* const driver =
        virtio_drivers().find([type](const VirtioDriver& each) { return each.type == type; });
    if (driver != nullptr) driver->start(std::move(transport), place.irq);
  }
}

}  // namespace kernel
