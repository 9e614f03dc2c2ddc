#include "net/loopback.h"

#include <cstring>

#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

namespace kernel::net {
namespace {

constexpr std::uint16_t loopback_mtu = 65535;  // so the longest datagram of IPv4 fits

constinit netif device{};
// All packets in one chain. The last pbuf of a packet has no bytes behind it: tot_len == len.
constinit pbuf* first = nullptr;
constinit pbuf* last = nullptr;
constinit LoopbackCounts counts{};

err_t queue(pbuf* packet) {
  pbuf* copy = pbuf_alloc(PBUF_LINK, packet->tot_len, PBUF_RAM);
  if (copy == nullptr) copy = pbuf_alloc(PBUF_LINK, packet->tot_len, PBUF_POOL);  // in pieces
  if (copy == nullptr) return ERR_MEM;
  (void)pbuf_copy(copy, packet);
  ++counts.packets;
  counts.bytes += packet->tot_len;
  (last != nullptr ? last->next : first) = copy;
  for (last = copy; last->next != nullptr;) last = last->next;
  return ERR_OK;
}

err_t output_ip4(netif*, pbuf* packet, const ip4_addr_t*) {
  return queue(packet);
}
err_t output_ip6(netif*, pbuf* packet, const ip6_addr_t*) {
  return queue(packet);
}

err_t init(netif* made) {
  made->name[0] = 'l';
  made->name[1] = 'o';
  made->mtu = loopback_mtu;
  made->output = output_ip4;
  made->output_ip6 = output_ip6;
  NETIF_SET_CHECKSUM_CTRL(made, 0);
  return ERR_OK;
}

void take_address_of(const pbuf& packet) {
  const auto* const bytes = static_cast<const std::byte*>(packet.payload);
  if (std::to_integer<unsigned>(bytes[0]) >> 4 == 4) {
    std::memcpy(&device.ip_addr.u_addr.ip4, bytes + 16, sizeof(ip4_addr_t));
  } else {
    ip6_addr_t to{};
    std::memcpy(to.addr, bytes + 24, sizeof to.addr);
    if (!ip6_addr_ismulticast(&to)) device.ip6_addr[0].u_addr.ip6 = to;
  }
}

}  // namespace

netif& loopback() {
  return device;
}
LoopbackCounts loopback_counts() {
  return counts;
}

void make_loopback() {
  ip4_addr_t address, mask, gateway;
  IP4_ADDR(&address, 127, 0, 0, 1);
  IP4_ADDR(&mask, 255, 0, 0, 0);
  ip4_addr_set_zero(&gateway);
  netif_add(&device, &address, &mask, &gateway, nullptr, init, ip_input);
  ip_addr_set_loopback(true, &device.ip6_addr[0]);
  device.ip6_addr_state[0] = IP6_ADDR_PREFERRED;
  netif_set_link_up(&device);
  netif_set_up(&device);
}

bool is_loopback_empty() {
  return first == nullptr;
}

pbuf* next_loopback() {
  pbuf* const packet = first;
  if (packet == nullptr) return nullptr;
  pbuf* end = packet;
  while (end->tot_len != end->len) end = end->next;
  first = end->next;
  end->next = nullptr;
  if (first == nullptr) last = nullptr;
  take_address_of(*packet);  // the first pbuf has the header of IP: lwIP has made it
  return packet;
}

}  // namespace kernel::net
