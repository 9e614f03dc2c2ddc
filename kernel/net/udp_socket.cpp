#include "net/udp_socket.h"

#include <abi/flags.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "lwip/ip.h"
#include "lwip/pbuf.h"
#include "memory/frames.h"
#include "net/stack.h"

namespace kernel::net {

namespace {

/// lwIP's packets have at most 65,535 bytes, with the headers of IP and UDP.
std::size_t longest_datagram(const ip_addr_t& to) {
  return 65'535 - 8 - (to.type == IPADDR_TYPE_V4 ? 20 : 40);
}

/// How one datagram is sent.
struct SendTerms {
  std::uint8_t ttl;
  std::uint8_t tos;
  std::optional<ip_addr_t> source;  // empty: as always
};

/// EINVAL: a message is unknown or has a wrong length or value, or the source is none of this
/// machine's addresses.
Result<> read_control(const ControlMessages& control, SendTerms& terms) {
  if (control.has_more) return fail(Errno::einval);
  const auto set = [](std::optional<int> value, int least, std::uint8_t& to) {
    if (!value || *value < least || *value > 255) return false;
    if (*value >= 0) to = static_cast<std::uint8_t>(*value);
    return true;
  };
  const auto set_source = [&](const ip_addr_t& ip) {
    if (!is_local(ip)) return false;
    terms.source = ip;
    return true;
  };
  const auto use = [&](const ControlMessages::Message& message) {
    if (message.level == abi::ipproto_ip) {
      switch (message.type) {
        case abi::ip_ttl: return set(message.value<int>(), 1, terms.ttl);
        case abi::ip_tos:
          if (const auto byte = message.value<std::uint8_t>()) return set(*byte, 0, terms.tos);
          return set(message.value<int>(), 0, terms.tos);
        case abi::ip_pktinfo: {
          const auto info = message.value<abi::PacketInfo>();
          if (!info) return false;
          ip_addr_t ip;
          ip_addr_set_ip4_u32_val(ip, info->local);
          return info->local == 0 || set_source(ip);
        }
        default: return false;
      }
    }
    if (message.level != abi::ipproto_ipv6) return false;
    switch (message.type) {
      case abi::ipv6_hoplimit: return set(message.value<int>(), -1, terms.ttl);
      case abi::ipv6_tclass: return set(message.value<int>(), -1, terms.tos);
      case abi::ipv6_pktinfo: {
        const auto info = message.value<abi::Packet6Info>();
        if (!info) return false;
        ip_addr_t ip{};
        ip.type = IPADDR_TYPE_V6;
        std::ranges::copy(info->destination, ip.u_addr.ip6.addr);
        return ip_addr_isany_val(ip) || set_source(ip);
      }
      default: return false;
    }
  };
  for (const ControlMessages::Message& message : std::span{control.list}.first(control.count)) {
    if (!use(message)) return fail(Errno::einval);
  }
  return {};
}

}  // namespace

/// A datagram that waits to be received.
struct UdpSocket::Datagram : ListNode<> {
  pbuf* bytes;  // owned
  InetName from;
  ip_addr_t to;
  std::uint8_t device;
  std::uint8_t ttl;
  std::uint8_t tos;
};

// ── What lwIP calls ──

udp_pcb* find_receiver(const Ports& ports, const ip_addr_t& to, std::uint16_t port,
                       const ip_addr_t& from, std::uint16_t from_port) {
  Binding* const best = ports.find(port, hash_of(from, from_port), [&](const Binding& binding) {
    if (binding.owner == nullptr || !binding.accepts(to)) return -1;
    const auto& socket = static_cast<const UdpSocket&>(*binding.owner);
    if (socket.is_connected_ && (socket.remote_.port != from_port || socket.remote_.ip != from))
      return -1;
    return 4 * socket.is_connected_ + 2 * !binding.name().is_any() +
           (binding.name().ip.type != IPADDR_TYPE_ANY);
  });
  if (best == nullptr) return nullptr;
  udp_pcb& pcb = static_cast<UdpSocket&>(*best->owner).pcb_;
  pcb.next = nullptr;
  return &pcb;
}

void note_udp_error(const Ports& ports, const ip_addr_t& local, std::uint16_t local_port,
                    const ip_addr_t& remote, std::uint16_t remote_port, bool is_port) {
  for (Binding* binding = ports.first(local_port); binding != nullptr; binding = binding->next()) {
    if (binding->owner == nullptr || !binding->accepts(local)) continue;
    auto& socket = static_cast<UdpSocket&>(*binding->owner);
    // As Linux, without IP_RECVERR only a connected socket gets the error.
    if (!socket.is_connected_ || socket.remote_.port != remote_port || socket.remote_.ip != remote)
      continue;
    socket.error_ = static_cast<int>(is_port ? Errno::econnrefused : Errno::ehostunreach);
    socket.readable_.wake_all();
    socket.writable_.wake_all();
    return;
  }
}

void UdpSocket::on_received(void* self, udp_pcb*, pbuf* bytes, const ip_addr_t* from,
                            u16_t from_port) {
  auto& socket = *static_cast<UdpSocket*>(self);
  const std::size_t cost_of_this = cost(bytes->tot_len);
  if (socket.queued_bytes_ + cost_of_this > socket.options().receive_buffer ||
      !memory::can_allocate(sizeof(Datagram))) {
    pbuf_free(bytes);
    return;
  }
  auto* const datagram = new Datagram{{},
                                      bytes,
                                      {.ip = *from, .port = from_port},
                                      *ip_current_dest_addr(),
                                      netif_get_index(ip_current_input_netif()),
                                      0,
                                      0};
  if (ip_current_is_v6() != 0) {
    datagram->ttl = IP6H_HOPLIM(ip6_current_header());
    datagram->tos = static_cast<std::uint8_t>(IP6H_TC(ip6_current_header()));
  } else {
    datagram->ttl = IPH_TTL(ip4_current_header());
    datagram->tos = IPH_TOS(ip4_current_header());
  }
  socket.queue_.push_back(*datagram);
  socket.queued_bytes_ += cost_of_this;
  socket.readable_.wake_one();
}

// ── Life ──

UdpSocket::UdpSocket(int domain, int protocol, int flags, udp_pcb& pcb)
    : InetSocket{{.domain = domain, .type = abi::sock_dgram, .protocol = protocol},
                 flags,
                 IoBuffer::longest,
                 protocol == abi::ipproto_udplite ? udplite_ports : udp_ports},
      pcb_{pcb} {
  udp_recv(&pcb_, &on_received, this);
  if (is_lite()) udp_setflags(&pcb_, UDP_FLAGS_UDPLITE);
}

Result<Ref<Socket>> UdpSocket::make(int domain, int protocol, int flags) {
  if (!memory::can_allocate(sizeof(UdpSocket))) return fail(Errno::enomem);
  udp_pcb* const pcb = udp_new_ip_type(domain == abi::af_inet6 ? IPADDR_TYPE_ANY : IPADDR_TYPE_V4);
  if (pcb == nullptr) return fail(Errno::enomem);
  return Ref<Socket>{make_ref<UdpSocket>(domain, protocol, flags, *pcb)};
}

UdpSocket::~UdpSocket() {
  while (!queue_.empty()) drop_first();
  udp_remove(&pcb_);
}

void UdpSocket::drop_first() {
  Datagram& datagram = queue_.front();
  queue_.remove(datagram);
  queued_bytes_ -= cost(datagram.bytes->tot_len);
  pbuf_free(datagram.bytes);
  delete &datagram;
}

void UdpSocket::apply_options() {
  pcb_.local_ip = bound_ip();
  pcb_.local_port = local_.port;
  pcb_.ttl = ttl_;
  pcb_.tos = tos_;
  if (has_option(abi::so_broadcast)) {
    ip_set_option(&pcb_, SOF_BROADCAST);
  } else {
    ip_reset_option(&pcb_, SOF_BROADCAST);
  }
}

namespace {

// Options of IPPROTO_UDPLITE: how many bytes the checksum covers; 0: all.
constexpr int send_coverage = 10, receive_coverage = 11;
constexpr int least_coverage = 8;  // the header

}  // namespace

Result<> UdpSocket::set_udplite_option(int option, int value) {
  if (!is_lite() || (option != send_coverage && option != receive_coverage))
    return fail(Errno::enoprotoopt);
  const int covered = value == 0 ? 0 : std::clamp(value, least_coverage, 0xffff);
  (option == send_coverage ? pcb_.chksum_len_tx : pcb_.chksum_len_rx) = static_cast<u16_t>(covered);
  return {};
}

Result<int> UdpSocket::udplite_option(int option) {
  if (!is_lite() || (option != send_coverage && option != receive_coverage))
    return fail(Errno::enoprotoopt);
  return option == send_coverage ? pcb_.chksum_len_tx : pcb_.chksum_len_rx;
}

// ── Connections ──

Result<> UdpSocket::connect(SocketCaller&, const SocketAddress& address, Destination&) {
  if (address.length < sizeof(std::uint16_t)) return fail(Errno::einval);
  const bool disconnects = family_of(address) == abi::af_unspec;
  if (!disconnects) {
    auto to = destination(address);
    if (!to) return fail(to.error());
    const auto source = source_for(to->ip);
    if (!source) return fail(source.error());
    if (auto bound = bind_to_any(); !bound)
      return fail(bound.error() == Errno::eaddrinuse ? Errno::eagain : bound.error());
    local_.ip = *source;
    remote_ = *to;
  } else if (is_connected_) {
    if (!is_bound_) {
      binding_ = nullptr;
      local_ = {.ip = any_address(kind().domain)};
    } else if (binding_->name().is_any()) {
      local_.ip = any_address(kind().domain);
    }
    remote_ = {};
  }
  is_connected_ = !disconnects;
  apply_options();
  return {};
}

Result<> UdpSocket::shutdown(int how) {
  if (!is_connected_) return fail(Errno::enotconn);
  shut_reads_ |= how != abi::shut_wr;
  shut_writes_ |= how != abi::shut_rd;
  readable_.wake_all();
  writable_.wake_all();
  return {};
}

Result<SocketAddress> UdpSocket::peer_name() const {
  if (!is_connected_) return fail(Errno::enotconn);
  return shown_address(remote_, kind().domain);
}

// ── Datagrams ──

Result<> UdpSocket::prepare_send(SocketCaller&, const SocketAddress& to, Outgoing& message) {
  message.to.address = to;
  return {};
}

Result<std::size_t> UdpSocket::send(IoBuffer& from, Outgoing& message) {
  const std::size_t size = from.left();
  if (size > 0xffff) return fail(Errno::emsgsize);
  if ((message.flags & (abi::msg_oob | abi::msg_more)) != 0) return fail(Errno::enotsup);
  SendTerms send_terms{.ttl = ttl_, .tos = tos_, .source = std::nullopt};
  if (message.control) {
    if (auto read = read_control(*message.control, send_terms); !read) return fail(read.error());
  }
  InetName to = remote_;
  if (message.to.address.length > 0) {
    auto given = destination(message.to.address);
    if (!given) return fail(given.error());
    to = *given;
    if (to.port == 0) return fail(Errno::einval);
  } else if (!is_connected_) {
    return fail(Errno::edestaddrreq);
  }
  if (error_ != 0) return fail(static_cast<Errno>(take_error()));
  if (shut_writes_) return fail(Errno::epipe);
  if (size > longest_datagram(to.ip)) return fail(Errno::emsgsize);
  if (auto bound = bind_to_any(); !bound)
    return fail(bound.error() == Errno::eaddrinuse ? Errno::eagain : bound.error());
  const bool is_broadcast =
      to.ip.type == IPADDR_TYPE_V4 && ip_addr_get_ip4_u32(&to.ip) == IPADDR_BROADCAST;
  if (is_broadcast && !has_option(abi::so_broadcast)) return fail(Errno::eacces);
  auto source = source_for(to.ip);
  if (!source) return fail(source.error());
  if (send_terms.source) {
    if (send_terms.source->type != to.ip.type) return fail(Errno::einval);
    source = *send_terms.source;
  }
  netif* const device = ip_route(&*source, &to.ip);
  if (device == nullptr) return fail(Errno::enetunreach);
  if (from.must_page_in(IoBuffer::Direction::take)) return fail(Errno::would_block);
  pbuf* bytes = pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(size), PBUF_RAM);
  if (bytes == nullptr) bytes = pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(size), PBUF_POOL);
  if (bytes == nullptr) return fail(Errno::enobufs);
  for (pbuf* piece = bytes; piece != nullptr; piece = piece->next) {
    if (piece->len == 0) continue;
    const auto taken = from.take_all({static_cast<std::byte*>(piece->payload), piece->len});
    if (taken) continue;
    pbuf_free(bytes);
    return fail(taken.error());
  }
  pcb_.ttl = send_terms.ttl;
  pcb_.tos = send_terms.tos;
  const err_t sent = udp_sendto_if_src(&pcb_, bytes, &to.ip, to.port, device, &*source);
  pcb_.ttl = ttl_;
  pcb_.tos = tos_;
  pbuf_free(bytes);
  deliver();
  if (sent == ERR_MEM) return fail(Errno::enobufs);
  if (sent != ERR_OK) return fail(sent == ERR_VAL ? Errno::einval : Errno::enetunreach);
  return size;
}

/// Notes what the program wants to know about a datagram.
void UdpSocket::add_control(const Datagram& datagram, Incoming& message) const {
  if (flags_of_level_ == 0) return;
  ControlMessages& control = message.control.emplace();
  const auto put = [&](int level, int option, int type, auto value) {
    if (has_switch(level, option) && control.count < control.list.size())
      control.add(level, type, value);
  };
  const int ttl = datagram.ttl, tos = datagram.tos;
  if (datagram.to.type == IPADDR_TYPE_V4) {
    const std::uint32_t ip = ip_addr_get_ip4_u32(&datagram.to);
    put(abi::ipproto_ip, abi::ip_pktinfo, abi::ip_pktinfo,
        abi::PacketInfo{.device = datagram.device, .local = ip, .destination = ip});
    put(abi::ipproto_ip, abi::ip_recvttl, abi::ip_ttl, ttl);
    put(abi::ipproto_ip, abi::ip_recvtos, abi::ip_tos, datagram.tos);
    put(abi::ipproto_ip, abi::ip_recvorigdstaddr, abi::ip_recvorigdstaddr,
        abi::InetAddress{.family = abi::af_inet,
                         .port = lwip_htons(pcb_.local_port),
                         .address = ip,
                         .zeros = {}});
  }
  if (!is_v6()) return;
  abi::Packet6Info info{.destination = {}, .device = datagram.device};
  const SocketAddress shown = shown_address({.ip = datagram.to}, abi::af_inet6);
  std::memcpy(info.destination, shown.bytes.data() + offsetof(abi::Inet6Address, address),
              sizeof info.destination);
  put(abi::ipproto_ipv6, abi::ipv6_recvpktinfo, abi::ipv6_pktinfo, info);
  put(abi::ipproto_ipv6, abi::ipv6_recvhoplimit, abi::ipv6_hoplimit, ttl);
  put(abi::ipproto_ipv6, abi::ipv6_recvtclass, abi::ipv6_tclass, tos);
}

Result<std::size_t> UdpSocket::receive(IoBuffer& to, Incoming& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::enotsup);
  if ((message.flags & abi::msg_errqueue) != 0) return fail(Errno::eagain);
  if (error_ != 0) {
    if (!queue_.empty()) readable_.pass_wake();
    return fail(static_cast<Errno>(take_error()));
  }
  if (queue_.empty()) {
    if (shut_reads_ && (message.flags & abi::msg_dontwait) == 0) return 0;
    return fail(Errno::would_block);
  }
  if (to.must_page_in(IoBuffer::Direction::put)) {
    readable_.pass_wake();
    return fail(Errno::would_block);
  }
  Datagram& datagram = queue_.front();
  const std::size_t size = datagram.bytes->tot_len;
  if (to.left() < size) message.message_flags |= abi::msg_trunc;
  message.from = shown_address(datagram.from, kind().domain);
  add_control(datagram, message);
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  for (const pbuf* piece = datagram.bytes; piece != nullptr && !to.empty(); piece = piece->next) {
    moved = to.put({static_cast<const std::byte*>(piece->payload), piece->len});
    if (!moved) break;
    done += *moved;
  }
  if (!message.peeks()) drop_first();
  if (!queue_.empty()) readable_.pass_wake();
  if (!moved) return moved;
  return (message.flags & abi::msg_trunc) != 0 ? size : done;
}

std::size_t UdpSocket::next_size() {
  return queue_.empty() ? 0 : queue_.front().bytes->tot_len;
}

short UdpSocket::readiness() {
  short ready = abi::pollout | abi::pollwrnorm | abi::pollwrband;
  if (error_ != 0) ready |= abi::pollerr;
  if (shut_reads_) ready |= abi::pollin | abi::pollrdnorm | abi::pollrdhup;
  if (shut_reads_ && shut_writes_) ready |= abi::pollhup;
  if (!queue_.empty()) ready |= abi::pollin | abi::pollrdnorm;
  return ready;
}

}  // namespace kernel::net
