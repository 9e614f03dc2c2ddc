// The texts of /proc/net, in Linux's formats (proc_pid_net(5)). A list of sockets has at most
// `most_lines` lines, because it is made in one step.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "devices/network_device.h"
#include "files/system_texts.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "net/devices.h"
#include "net/inet_socket.h"
#include "net/loopback.h"
#include "net/stack.h"
#include "net/tcp_socket.h"
#include "net/tcp_table.h"

namespace kernel {
namespace {

using net::Binding;
using net::InetName;
using net::InetSocket;

constexpr unsigned most_lines = 1000;
constexpr std::size_t line_width = 149;

/// The lines of the sockets of one family.
class Lines {
 public:
  Lines(PagedText& out, int domain) : out_{out}, domain_{domain} {
    add_padded(
        domain == abi::af_inet
            ? "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
              "uid  timeout inode"
            : "  sl  local_address                         remote_address                   "
              "     st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
  }

  int domain() const { return domain_; }
  /// `socket`: null if only lwIP has the connection. Returns whether there is room for more lines.
  bool add(const InetName& local, const InetName& remote, unsigned state, InetSocket* socket) {
    const InetSocket::Counts counts = socket != nullptr ? socket->counts() : InetSocket::Counts{};
    const std::uint64_t inode = socket != nullptr ? socket->status().inode : 0;
    add_padded(fmt::format(
        "{:4}: {} {} {:02X} {:08X}:{:08X} 00:00000000 00000000     0        0 {} 1", count_,
        text_of(local), text_of(remote), state, counts.sent, counts.received, inode));
    return ++count_ < most_lines;
  }

 private:
  void add_padded(std::string_view line) {
    out_ += line;
    for (std::size_t i = line.size(); i < line_width; ++i) out_ += ' ';
    out_ += '\n';
  }
  std::string text_of(const InetName& name) const {
    const SocketAddress shown = net::shown_address(name, domain_);
    std::array<std::uint32_t, 4> words{};
    const bool is_v4 = domain_ == abi::af_inet;
    std::memcpy(words.data(),
                shown.bytes.data() + (is_v4 ? offsetof(abi::InetAddress, address)
                                            : offsetof(abi::Inet6Address, address)),
                is_v4 ? sizeof words[0] : sizeof words);
    std::string text;
    for (const std::uint32_t word : std::span{words}.first(is_v4 ? 1 : 4))
      fmt::format_to(std::back_inserter(text), "{:08X}", word);
    fmt::format_to(std::back_inserter(text), ":{:04X}", name.port);
    return text;
  }

  PagedText& out_;
  const int domain_;
  unsigned count_ = 0;
};

void write_listening(Lines& lines) {
  net::tcp_ports.for_each([&](Binding& binding) {
    InetSocket* const socket = binding.owner;
    if (!binding.is_listening || socket == nullptr || socket->kind().domain != lines.domain())
      return true;
    return lines.add(binding.name(), {.ip = net::any_address(lines.domain())}, 10, socket);
  });
}

bool write_connection(const tcp_pcb& pcb, void* to) {
  auto& lines = *static_cast<Lines*>(to);
  auto* const socket = static_cast<net::TcpSocket*>(net::socket_of(pcb));
  const int domain = socket != nullptr                     ? socket->kind().domain
                     : pcb.local_ip.type == IPADDR_TYPE_V4 ? abi::af_inet
                                                           : abi::af_inet6;
  if (domain != lines.domain()) return true;
  return lines.add({.ip = pcb.local_ip, .port = pcb.local_port},
                   {.ip = pcb.remote_ip, .port = pcb.remote_port}, net::linux_state(pcb), socket);
}

template <int domain>
void write_tcp(PagedText& out) {
  Lines lines{out, domain};
  if (!net::start()) return;
  write_listening(lines);
  net::for_each_connection(&write_connection, &lines);
}

template <int domain>
void write_udp(PagedText& out) {
  Lines lines{out, domain};
  net::udp_ports.for_each([&](Binding& binding) {
    InetSocket* const socket = binding.owner;
    if (socket == nullptr || socket->kind().domain != domain) return true;
    return lines.add(binding.name(), socket->peer(), 7, socket);
  });
}

void write_devices(PagedText& out) {
  out +=
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
      "drop "
      "fifo colls carrier compressed\n";
  if (!net::start()) return;
  using Direction = NetworkDevice::Direction;
  const auto add = [&out](const netif& device, const Direction& received, const Direction& sent) {
    fmt::format_to(std::back_inserter(out),
                   "{0:>6}: {1:>7} {2:>7} {3:>4} {4:>4}    0     0          0         0 {5:>8} "
                   "{6:>7} {7:>4} {8:>4}    0     0       0          0\n",
                   net::device_name(device), received.bytes, received.frames, received.errors,
                   received.dropped, sent.bytes, sent.frames, sent.errors, sent.dropped);
  };
  for (const netif* device = net::next_device(nullptr); device != nullptr;
       device = net::next_device(device)) {
    if (device == &net::loopback()) {
      const net::LoopbackCounts counts = net::loopback_counts();
      const Direction both{.bytes = counts.bytes, .frames = counts.packets};
      add(*device, both, both);
    } else if (const NetworkDevice* const card = network_device()) {
      add(*device, card->received(), card->sent());
    }
  }
}

void write_routes(PagedText& out) {
  out += "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
  if (!net::start()) return;
  const auto add = [&](const netif& device, std::uint32_t to, std::uint32_t gateway,
                       std::uint32_t mask) {
    constexpr unsigned up = 1, is_gateway = 2;
    fmt::format_to(
        std::back_inserter(out), "{}\t{:08X}\t{:08X}\t{:04X}\t0\t0\t0\t{:08X}\t0\t0\t0\n",
        net::device_name(device), to, gateway, gateway != 0 ? up | is_gateway : up, mask);
  };
  for (const netif* device = net::next_device(nullptr); device != nullptr;
       device = net::next_device(device)) {
    const ip4_addr_t address = *netif_ip4_addr(device);
    if (device == &net::loopback() || ip4_addr_isany_val(address)) continue;
    if (const std::uint32_t gateway = netif_ip4_gw(device)->addr; gateway != 0)
      add(*device, 0, gateway, 0);
    const std::uint32_t mask = netif_ip4_netmask(device)->addr;
    add(*device, address.addr & mask, 0, mask);
  }
}

void write_addresses_6(PagedText& out) {
  if (!net::start()) return;
  for (const netif* device = net::next_device(nullptr); device != nullptr;
       device = net::next_device(device)) {
    const bool is_loopback = device == &net::loopback();
    for (unsigned i = 0; i < (is_loopback ? 1u : LWIP_IPV6_NUM_ADDRESSES); ++i) {
      if (!ip6_addr_isvalid(netif_ip6_addr_state(device, i))) continue;
      ip6_addr_t ip = *netif_ip6_addr(device, i);
      if (is_loopback) ip6_addr_set_loopback(&ip);  // it has that of the last packet
      for (const std::uint32_t word : ip.addr)
        fmt::format_to(std::back_inserter(out), "{:08x}", lwip_ntohl(word));
      const unsigned scope = is_loopback ? 0x10 : ip6_addr_islinklocal(&ip) ? 0x20 : 0;
      fmt::format_to(std::back_inserter(out), " {:02x} {:02x} {:02x} 80 {:>8}\n",
                     netif_get_index(device), is_loopback ? 128 : 64, scope,
                     net::device_name(*device));
    }
  }
}

constexpr ProcText texts[] = {
    {"net/tcp", &write_tcp<abi::af_inet>}, {"net/tcp6", &write_tcp<abi::af_inet6>},
    {"net/udp", &write_udp<abi::af_inet>}, {"net/udp6", &write_udp<abi::af_inet6>},
    {"net/dev", &write_devices},           {"net/route", &write_routes},
    {"net/if_inet6", &write_addresses_6},
};

}  // namespace

KERNEL_PROC_TEXT("net/tcp", texts[0]);
KERNEL_PROC_TEXT("net/tcp6", texts[1]);
KERNEL_PROC_TEXT("net/udp", texts[2]);
KERNEL_PROC_TEXT("net/udp6", texts[3]);
KERNEL_PROC_TEXT("net/dev", texts[4]);
KERNEL_PROC_TEXT("net/route", texts[5]);
KERNEL_PROC_TEXT("net/if_inet6", texts[6]);

}  // namespace kernel
