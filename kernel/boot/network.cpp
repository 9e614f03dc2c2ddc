// The network at boot: eth0 gets its address before the first process starts.
//
//   net=ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS]   eth0 has this address; without the word it asks
//                                                 DHCP
#include <kernel/log.h>

#include <chrono>

#include "boot/parts.h"
#include "devices/network_device.h"
#include "net/ethernet.h"
#include "net/stack.h"

namespace kernel {

void start_network(const formats::BootOptions& options) {
  NetworkDevice* const device = network_device();
  if (device == nullptr) return;
  std::optional<net::GivenAddress> given;
  if (const auto text = options.value("net")) {
    given = net::parse_address(*text);
    if (!given) log("net={}: this is no address; eth0 asks DHCP", *text);
  }
  auto started = net::start();
  if (started) started = net::start_ethernet(*device, given);
  if (!started) log("eth0: there is no memory for it");
}

async::Task<> await_network() {
  // An answer of DHCP takes milliseconds, if there is a server.
  constexpr async::Duration timeout = std::chrono::seconds{3};
  if (network_device() != nullptr && !co_await net::wait_for_address(timeout))
    log("eth0: no address yet");
}

TextFile::Write name_server_writer() {
  return network_device() != nullptr ? net::write_name_servers : nullptr;
}

}  // namespace kernel
