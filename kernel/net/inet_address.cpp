#include "net/inet_address.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lwip/def.h"
#include "lwip/netif.h"

namespace kernel::net {
namespace {

constexpr std::uint32_t mapped_prefix = std::byteswap(0xffffu);  // the third word of ::ffff:a.b.c.d

template <class T>
T content(const SocketAddress& address) {
  T value{};
  std::memcpy(&value, address.bytes.data(), std::min<std::size_t>(sizeof value, address.length));
  return value;
}
template <class T>
SocketAddress with_content(const T& value) {
  SocketAddress address;
  std::memcpy(address.bytes.data(), &value, sizeof value);
  address.length = sizeof value;
  return address;
}

}  // namespace

bool operator==(const ip_addr_t& a, const ip_addr_t& b) {
  return ip_addr_eq(&a, &b) != 0;
}

std::uint32_t hash_of(const ip_addr_t& ip, std::uint16_t port) {
  std::uint32_t hash = port;
  const std::size_t words = ip.type == IPADDR_TYPE_V4 ? 1 : 4;
  for (const std::uint32_t word : std::span{ip.u_addr.ip6.addr}.first(words))
    hash = (hash ^ word) * 0x9e37'79b1u;
  return hash ^ hash >> 16;
}

ip_addr_t any_address(int domain) {
  ip_addr_t any{};
  any.type = domain == abi::af_inet6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4;
  return any;
}

Result<InetName> inet_name(const SocketAddress& address, int domain) {
  const bool is_v6 = domain == abi::af_inet6;
  if (address.length < (is_v6 ? abi::shortest_inet6_address : sizeof(abi::InetAddress)))
    return fail(Errno::einval);
  if (family_of(address) != domain) return fail(Errno::eafnosupport);
  InetName name;
  if (!is_v6) {
    const auto given = content<abi::InetAddress>(address);
    ip_addr_set_ip4_u32_val(name.ip, given.address);
    name.port = lwip_ntohs(given.port);
    return name;
  }
  const auto given = content<abi::Inet6Address>(address);
  name.port = lwip_ntohs(given.port);
  if (given.address[0] == 0 && given.address[1] == 0 && given.address[2] == mapped_prefix) {
    ip_addr_set_ip4_u32_val(name.ip, given.address[3]);
    return name;
  }
  name.ip.type = IPADDR_TYPE_V6;
  std::ranges::copy(given.address, name.ip.u_addr.ip6.addr);
  if (ip6_addr_islinklocal(ip_2_ip6(&name.ip)))
    ip6_addr_set_zone(ip_2_ip6(&name.ip), static_cast<u8_t>(given.scope));
  return name;
}

SocketAddress shown_address(const InetName& name, int domain) {
  const std::uint16_t port = lwip_htons(name.port);
  if (domain == abi::af_inet) {
    const std::uint32_t ip = name.is_any() ? 0 : ip_addr_get_ip4_u32(&name.ip);
    return with_content(
        abi::InetAddress{.family = abi::af_inet, .port = port, .address = ip, .zeros = {}});
  }
  abi::Inet6Address shown{
      .family = abi::af_inet6, .port = port, .flow = 0, .address = {}, .scope = 0};
  if (name.ip.type == IPADDR_TYPE_V4) {
    shown.address[2] = mapped_prefix;
    shown.address[3] = ip_addr_get_ip4_u32(&name.ip);
  } else if (name.ip.type == IPADDR_TYPE_V6) {
    std::ranges::copy(name.ip.u_addr.ip6.addr, shown.address);
    shown.scope = ip6_addr_zone(ip_2_ip6(&name.ip));
  }
  return with_content(shown);
}

}  // namespace kernel::net
