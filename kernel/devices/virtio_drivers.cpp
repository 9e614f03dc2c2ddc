#include "devices/virtio_drivers.h"

namespace kernel {

ASYNC_DEFINE_REGISTRY(virtio_drivers, cotrap_virtio_drivers, VirtioDriver);

void start_virtio_devices() {
  hal::virtio::for_each_device([](virtio::Transport& transport) {
    const virtio::DeviceType type = transport.type();
    const VirtioDriver* const driver =
        virtio_drivers().find([type](const VirtioDriver& each) { return each.type == type; });
    if (driver == nullptr) return;
    hal::enable_interrupt(transport.irq());
    driver->start(transport);
  });
}

}  // namespace kernel
