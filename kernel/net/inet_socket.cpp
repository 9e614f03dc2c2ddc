#include "net/inet_socket.h"

#include <abi/flags.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "lwip/ip.h"
#include "memory/user_memory.h"
#include "net/loopback.h"
#include "net/stack.h"

namespace kernel::net {
namespace {

/// Options of the two levels that are only on or off. Those without an effect here have none on
/// Linux either that a program could see, or ask for control messages.
constexpr std::array ip_switches{
    abi::ip_recverr,        abi::ip_freebind,       abi::ip_bind_address_no_port,
    abi::ip_multicast_loop, abi::ip_pktinfo,        abi::ip_recvttl,
    abi::ip_recvtos,        abi::ip_recvorigdstaddr};
constexpr std::array ipv6_switches{abi::ipv6_recverr, abi::ipv6_multicast_loop,
                                   abi::ipv6_recvpktinfo, abi::ipv6_recvhoplimit,
                                   abi::ipv6_recvtclass};

/// The bit of such an option in flags_of_level_; 0: it is none.
std::uint32_t switch_bit(int level, int option) {
  const std::span<const int> known = level == abi::ipproto_ip ? std::span<const int>{ip_switches}
                                                              : std::span<const int>{ipv6_switches};
  const auto found = std::ranges::find(known, option);
  if (found == known.end()) return 0;
  const auto index = static_cast<unsigned>(found - known.begin());
  return 1u << (level == abi::ipproto_ip ? index : 16 + index);
}

}  // namespace

InetSocket::~InetSocket() {
  if (binding_ && binding_->owner == this) binding_->owner = nullptr;
}

ip_addr_t InetSocket::bound_ip() const {
  ip_addr_t ip = local_.ip;
  if (is_v6() && !is_v6_only_ && local_.ip.type == IPADDR_TYPE_V6 && local_.is_any())
    ip.type = IPADDR_TYPE_ANY;
  return ip;
}

Result<> InetSocket::bind(SocketCaller&, const SocketAddress& address) {
  // As Linux, bind() of an AF_INET socket accepts the family AF_UNSPEC for 0.0.0.0.
  SocketAddress given = address;
  if (!is_v6() && address.length >= sizeof(abi::InetAddress) &&
      family_of(address) == abi::af_unspec) {
    std::uint32_t ip;
    std::memcpy(&ip, given.bytes.data() + offsetof(abi::InetAddress, address), sizeof ip);
    if (ip == 0) {
      const std::uint16_t family = abi::af_inet;
      std::memcpy(given.bytes.data(), &family, sizeof family);
    }
  }
  const auto wanted = inet_name(given, kind().domain);
  if (!wanted) return fail(wanted.error());
  InetName name = *wanted;
  if (is_v6() && name.ip.type == IPADDR_TYPE_V4 && is_v6_only_) return fail(Errno::einval);
  if (is_v6() && binding_) return fail(Errno::einval);
  const bool is_free = has_switch(abi::ipproto_ip, abi::ip_freebind);
  if (!name.is_any() && !is_free && !is_local(name.ip)) return fail(Errno::eaddrnotavail);
  if (binding_) return fail(Errno::einval);
  const ip_addr_t shown = name.ip;
  local_.ip = name.ip;
  name.ip = bound_ip();
  auto made = ports_.bind(name, terms());
  if (!made) {
    local_.ip = any_address(kind().domain);
    return fail(made.error());
  }
  binding_ = std::move(*made);
  binding_->owner = this;
  local_ = {.ip = shown, .port = binding_->name().port};
  is_bound_ = true;
  apply_options();
  return {};
}

Result<> InetSocket::bind_to_any() {
  if (binding_) return {};
  auto made = ports_.bind({.ip = bound_ip(), .port = 0}, terms());
  if (!made) return fail(made.error());
  binding_ = std::move(*made);
  binding_->owner = this;
  local_.port = binding_->name().port;
  apply_options();
  return {};
}

Result<InetName> InetSocket::destination(const SocketAddress& address) const {
  auto to = inet_name(address, kind().domain);
  if (!to) return to;
  if (is_v6() && to->ip.type == IPADDR_TYPE_V4 && is_v6_only_) return fail(Errno::enetunreach);
  if (to->is_any()) ip_addr_set_loopback(to->ip.type == IPADDR_TYPE_V6, &to->ip);
  if (is_v6() && !local_.is_any() && local_.ip.type != to->ip.type)
    return fail(to->ip.type == IPADDR_TYPE_V4 ? Errno::enetunreach : Errno::einval);
  return to;
}

Result<ip_addr_t> InetSocket::source_for(const ip_addr_t& to) const {
  if (!local_.is_any()) return local_.ip;
  ip_addr_t source{};
  if (ip_addr_isloopback(&to)) {
    ip_addr_set_loopback(to.type == IPADDR_TYPE_V6, &source);
    return source;
  }
  if (is_local(to)) return to;
  source.type = to.type;
  netif* const device = ip_route(&source, &to);
  if (device == nullptr || device == &loopback()) return fail(Errno::enetunreach);
  const ip_addr_t* const own = ip_netif_get_local_ip(device, &to);
  if (own == nullptr) return fail(Errno::enetunreach);
  return *own;
}

// ── Options ──

bool InetSocket::has_switch(int level, int option) const {
  return (flags_of_level_ & switch_bit(level, option)) != 0;
}

void InetSocket::options_changed() {
  if (binding_) binding_->set_terms(terms());
  apply_options();
}

Result<> InetSocket::set_option_of(memory::AddressSpace& space, int level, int option,
                                   memory::UserSpan<const std::byte> value) {
  int number = 0;
  const bool is_ip = level == abi::ipproto_ip;
  if (value.size() >= sizeof number) {
    const auto read = UserPtr<const int>{value.address()}.read(space);
    if (!read) return fail(read.error());
    number = *read;
  } else if (!is_ip) {
    return fail(Errno::einval);
  } else if (!value.empty()) {
    std::array<std::byte, 1> byte;
    if (auto read = value.read(space, byte); !read) return read;
    number = std::to_integer<int>(byte[0]);
  }
  if (level == abi::ipproto_tcp) return set_tcp_option(option, number);
  if (level == abi::ipproto_udplite) return set_udplite_option(option, number);
  if (!is_ip && (level != abi::ipproto_ipv6 || !is_v6())) return fail(Errno::enoprotoopt);
  if (const std::uint32_t bit = switch_bit(level, option); bit != 0) {
    flags_of_level_ = number != 0 ? flags_of_level_ | bit : flags_of_level_ & ~bit;
    return {};
  }
  if (is_ip) {
    switch (option) {
      case abi::ip_tos: tos_ = static_cast<std::uint8_t>(number); break;
      case abi::ip_ttl:
        if (number != -1 && (number < 1 || number > 255)) return fail(Errno::einval);
        ttl_ = number == -1 ? 64 : static_cast<std::uint8_t>(number);
        break;
      case abi::ip_mtu_discover:
        if (number < 0 || number > 5) return fail(Errno::einval);
        break;
      case abi::ip_multicast_ttl:
        if (number < -1 || number > 255) return fail(Errno::einval);
        break;
      case abi::ip_add_membership:
      case abi::ip_drop_membership: return fail(Errno::enodev);
      default: return fail(Errno::enoprotoopt);
    }
  } else {
    switch (option) {
      case abi::ipv6_v6only:
        if (binding_) return fail(Errno::einval);
        is_v6_only_ = number != 0;
        break;
      case abi::ipv6_unicast_hops:
        if (number < -1 || number > 255) return fail(Errno::einval);
        ttl_ = number == -1 ? 64 : static_cast<std::uint8_t>(number);
        break;
      case abi::ipv6_multicast_hops:
        if (number < -1 || number > 255) return fail(Errno::einval);
        break;
      case abi::ipv6_tclass:
        if (number < -1 || number > 255) return fail(Errno::einval);
        tos_ = number == -1 ? 0 : static_cast<std::uint8_t>(number);
        break;
      case abi::ipv6_mtu_discover:
        if (number < 0 || number > 5) return fail(Errno::einval);
        break;
      case abi::ipv6_add_membership:
      case abi::ipv6_drop_membership: return fail(Errno::enodev);
      default: return fail(Errno::enoprotoopt);
    }
  }
  apply_options();
  return {};
}

Result<std::size_t> InetSocket::option_of(memory::AddressSpace& space, int level, int option,
                                          memory::UserSpan<std::byte> to) {
  const auto give = [&](std::span<const std::byte> bytes) -> Result<std::size_t> {
    const auto part = bytes.first(std::min(bytes.size(), to.size()));
    if (auto written = to.write(space, part); !written) return fail(written.error());
    return part.size();
  };
  Result<int> number = fail(Errno::enoprotoopt);
  if (level == abi::ipproto_tcp) {
    if (option == abi::tcp_info) {
      const auto info = tcp_info();
      if (!info) return fail(Errno::enoprotoopt);
      return give(std::as_bytes(std::span{&*info, 1}));
    }
    if (option == abi::tcp_congestion && kind().type == abi::sock_stream) {
      constexpr std::array<char, 16> name{"reno"};
      return give(std::as_bytes(std::span{name}));
    }
    number = tcp_option(option);
  } else if (level == abi::ipproto_udplite) {
    number = udplite_option(option);
  } else if (level == abi::ipproto_ip) {
    switch (option) {
      case abi::ip_tos: number = tos_; break;
      case abi::ip_ttl: number = ttl_; break;
      case abi::ip_mtu_discover: number = 1; break;  // IP_PMTUDISC_WANT
      case abi::ip_multicast_ttl: number = 1; break;
      case abi::ip_mtu:
        number = peer_name() ? Result<int>{loopback().mtu} : fail(Errno::enotconn);
        break;
      default: break;
    }
  } else if (level == abi::ipproto_ipv6 && is_v6()) {
    switch (option) {
      case abi::ipv6_v6only: number = is_v6_only_; break;
      case abi::ipv6_unicast_hops: number = ttl_; break;
      case abi::ipv6_multicast_hops: number = 1; break;
      case abi::ipv6_tclass: number = tos_; break;
      case abi::ipv6_mtu_discover: number = 1; break;
      default: break;
    }
  }
  if (const std::uint32_t bit = level == abi::ipproto_ip || (level == abi::ipproto_ipv6 && is_v6())
                                    ? switch_bit(level, option)
                                    : 0;
      bit != 0)
    number = has_switch(level, option);
  if (!number) return fail(number.error());
  if (level == abi::ipproto_ip && !to.empty() && to.size() < sizeof(int) && *number >= 0 &&
      *number <= 255) {
    const std::byte byte{static_cast<unsigned char>(*number)};
    return give(std::span{&byte, 1});
  }
  return give(std::as_bytes(std::span{&*number, 1}));
}

// ── The file ──

Result<std::size_t> InetSocket::try_read(IoBuffer& buffer) {
  if (waits_for_device()) return fail(Errno::would_block);
  Incoming message{.flags = is_nonblocking() ? abi::msg_dontwait : 0};
  return receive(buffer, message);
}

Result<std::size_t> InetSocket::try_write(IoBuffer& buffer) {
  if (waits_for_device()) return fail(Errno::would_block);
  Outgoing message;
  return send(buffer, message);
}

Result<int> InetSocket::control(memory::AddressSpace& space, unsigned long request,
                                std::uintptr_t argument) {
  if (request != abi::fionread && request != abi::siocoutq)
    return Socket::control(space, request, argument);
  const auto answer = count_queued(request);
  if (!answer) return fail(answer.error());
  const auto written = UserPtr<int>{argument}.write(space, static_cast<int>(*answer));
  if (!written) return fail(written.error());
  return 0;
}

Result<std::size_t> InetSocket::count_queued(unsigned long request) {
  if (is_listening()) return fail(Errno::einval);
  return request == abi::siocoutq ? unacknowledged_bytes() : next_size();
}

}  // namespace kernel::net
