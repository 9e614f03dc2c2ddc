// The Ethernet device eth0, with IPv4 and IPv6. lwIP gets its frames from the network device.
//
//   lwIP ── transmit() ──▶ the device, or a queue while all its buffers are in flight
//   lwIP ◀── input() ───── receive(), with a copy of the frame
//
// Strand data.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "devices/network_device.h"
#include "memory/paged_text.h"

struct udp_pcb;

namespace kernel::net {

/// An IPv4 address that the user has set instead of DHCP. Each member is in network byte order; 0:
/// none.
struct GivenAddress {
  std::uint32_t address;
  std::uint32_t mask;
  std::uint32_t gateway = 0;
  std::uint32_t name_server = 0;
};
/// ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS]. Empty: the text has another form.
std::optional<GivenAddress> parse_address(std::string_view text);

/// Starts eth0 with the address `given`; without one it starts DHCP. For IPv6 eth0 has a link-local
/// address, and those that routers advertise. Call it once, after start(). ENOMEM.
Result<> start_ethernet(NetworkDevice& device, const std::optional<GivenAddress>& given);

/// Waits until eth0 has an IPv4 address, but no longer than `timeout`. Returns whether it has one.
async::Task<bool> wait_for_address(async::Duration timeout);

/// /etc/resolv.conf: the name servers that DHCP or the user has named.
void write_name_servers(PagedText& out);

/// lwIP's object of the kernel's DHCP client, if datagrams to this port are for the client; else
/// null.
udp_pcb* dhcp_receiver(std::uint16_t port);

}  // namespace kernel::net
