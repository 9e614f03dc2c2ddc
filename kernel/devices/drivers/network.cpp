// The driver of the network device, eth0. The kernel uses one.
#include <kernel/levels.h>

#include "devices/interrupts.h"
#include "devices/network_device.h"
#include "devices/virtio_drivers.h"

namespace kernel {
namespace {

constinit std::unique_ptr<NetworkDevice> eth0;

void start_network(virtio::Transport& transport) {
  if (eth0 != nullptr) return;
  eth0 = NetworkDevice::start(transport);
  if (eth0 == nullptr) return;
  constexpr async::HartMask boot_hart = 1;
  async::spawn(eth0->serve(), {.name = "network", .priority = levels::driver, .harts = boot_hart})
      .detach();
  set_line_driver(transport.irq(), {"eth0", &eth0->backoff()});
}

}  // namespace

KERNEL_VIRTIO_DRIVER(1, "network", start_network);

NetworkDevice* network_device() {
  return eth0.get();
}

}  // namespace kernel
