// Addresses of AF_INET and AF_INET6, in lwIP's form and in that of system calls.
#pragma once

#include <abi/socket.h>
#include <kernel/result.h>

#include <cstdint>

#include "files/socket.h"
#include "lwip/ip_addr.h"

namespace kernel::net {

/// An address and a port. The port is in host byte order. The type of `ip` is V4, V6, or ANY: all
/// addresses of both.
struct InetName {
  ip_addr_t ip{};
  std::uint16_t port = 0;

  bool is_any() const { return ip.type == IPADDR_TYPE_ANY || ip_addr_isany_val(ip); }
};
bool operator==(const ip_addr_t& a, const ip_addr_t& b);
inline bool operator!=(const ip_addr_t& a, const ip_addr_t& b) {
  return !(a == b);
}

/// The address that a program gives to a socket of the family `domain`. An address of AF_INET6 that
/// stands for one of IPv4 (::ffff:a.b.c.d) has the type V4. EINVAL: it is too short; EAFNOSUPPORT:
/// it is of another family.
Result<InetName> inet_name(const SocketAddress& address, int domain);
/// The address as a socket of the family `domain` shows it.
SocketAddress shown_address(const InetName& name, int domain);
/// A hash of an address and a port.
std::uint32_t hash_of(const ip_addr_t& ip, std::uint16_t port);
/// The address 0.0.0.0 or ::.
ip_addr_t any_address(int domain);

}  // namespace kernel::net
