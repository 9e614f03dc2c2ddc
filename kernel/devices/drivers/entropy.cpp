// The driver of the entropy device, which seeds the random generator.
#include <kernel/levels.h>

#include "base/random.h"
#include "devices/entropy_device.h"
#include "devices/interrupts.h"
#include "devices/virtio_drivers.h"

namespace kernel {
namespace {

constinit std::unique_ptr<EntropyDevice> entropy;

void start_entropy(virtio::Transport& transport) {
  if (entropy != nullptr) return;
  entropy = EntropyDevice::start(transport, give_entropy);
  if (entropy == nullptr) return;
  async::spawn_preemptible(entropy->serve(), {.name = "entropy", .priority = levels::driver});
  set_line_driver(transport.irq(), {"entropy", &entropy->backoff()});
  set_entropy_source([] { entropy->ask(); });
}

}  // namespace

KERNEL_VIRTIO_DRIVER(4, "entropy", start_entropy);

}  // namespace kernel
