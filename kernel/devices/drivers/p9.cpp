// The driver of file servers, which share folders of the host (9P).
#include <kernel/levels.h>

#include <array>

#include "devices/interrupts.h"
#include "devices/p9_device.h"
#include "devices/virtio_drivers.h"

namespace kernel {
namespace {

constexpr std::size_t most_servers = 4;
constinit std::array<std::unique_ptr<P9Device>, most_servers> servers;
constinit std::size_t server_count = 0;

void start_file_server(virtio::Transport& transport) {
  if (server_count == servers.size()) return;
  auto server = P9Device::start(transport);
  if (server == nullptr) return;
  constexpr async::HartMask boot_hart = 1;
  async::spawn(server->serve(),
               {.name = "file server", .priority = levels::driver, .harts = boot_hart})
      .detach();
  set_line_driver(transport.irq(), {"9p", &server->backoff()});
  servers[server_count++] = std::move(server);
}

}  // namespace

KERNEL_VIRTIO_DRIVER(9, "9p", start_file_server);

std::span<const std::unique_ptr<P9Device>> file_servers() {
  return std::span{servers}.first(server_count);
}

}  // namespace kernel
