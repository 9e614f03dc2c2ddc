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

/// An IPv4 address that does not come from DHCP, in the order of the network. 0: none.
struct GivenAddress {
  std::uint32_t address;
  std::uint32_t mask;
  std::uint32_t gateway = 0;
  std::uint32_t name_server = 0;
};
/// ADDRESS/BITS[,gw=ADDRESS][,dns=ADDRESS]. Empty: the text has another form.
std::optional<GivenAddress> parse_address(std::string_view text);

/// Starts eth0 with that address, or starts DHCP. IPv6 has a link-local address, and others as
/// routers advertise them. Call once, after start(). ENOMEM.
Result<> start_ethernet(NetworkDevice& device, const std::optional<GivenAddress>& given);

/// Waits until eth0 has an IPv4 address, at most for `patience`. Returns whether it has one.
async::Task<bool> wait_for_address(async::Duration patience);

/// /etc/resolv.conf: the name servers that DHCP or the user has named.
void write_name_servers(PagedText& out);

/// Whether a datagram to this port is for the kernel's DHCP client, whose PCB is the result; null:
/// it is not.
udp_pcb* dhcp_receiver(std::uint16_t port);

}  // namespace kernel::net
