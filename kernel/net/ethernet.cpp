#include "net/ethernet.h"

#include <async/wait_list.h>
#include <fmt/format.h>
#include <kernel/log.h>

#include <array>
#include <cstring>
#include <iterator>
#include <memory>

#include "base/system_name.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/netif.h"
#include "lwip/prot/iana.h"
#include "lwip/udp.h"
#include "memory/frames.h"
#include "net/stack.h"
#include "netif/ethernet.h"

namespace kernel::net {
namespace {

class Ethernet final : public NetworkDevice::User {
 public:
  explicit Ethernet(NetworkDevice& device) : device_{device} {}

  bool start(const std::optional<GivenAddress>& given);
  netif& interface() { return interface_; }
  udp_pcb* dhcp_pcb() const { return dhcp_pcb_; }
  bool has_address() const { return !ip4_addr_isany(netif_ip4_addr(&interface_)); }
  async::WaitList& address_found() { return address_found_; }

  void receive(std::span<const std::byte> frame) override;
  void on_link() override;
  void on_room() override;

 private:
  static err_t init(netif* interface);
  static err_t transmit(netif* interface, pbuf* frame);
  bool start_dhcp();
  bool send(const pbuf& frame);
  void note_address();

  /// As many frames as Linux queues (txqueuelen).
  static constexpr std::size_t queue_limit = 1000;

  NetworkDevice& device_;
  netif interface_{};
  udp_pcb* dhcp_pcb_ = nullptr;
  bool had_address_ = false;
  async::WaitList address_found_;
  // Frames that wait for a buffer of the device: a ring buffer, whose entries own a reference.
  std::array<pbuf*, queue_limit> queue_{};
  std::size_t first_ = 0, count_ = 0;
};

// The fragments that lwIP keeps have no more bytes together than it counts in 16 bits.
static_assert(IP_REASS_MAX_PBUFS * NetworkDevice::mtu <= 0xffff);

constinit std::unique_ptr<Ethernet> eth0;

/// Whether a packet from the network claims to come from this machine, or go to its loopback
/// device.
bool is_forged(std::span<const std::byte> frame) {
  constexpr std::size_t type_at = 12, ip_at = NetworkDevice::header_bytes;
  const auto byte = [frame](std::size_t at) { return std::to_integer<unsigned>(frame[at]); };
  const unsigned type = byte(type_at) << 8 | byte(type_at + 1);
  if (type == ETHTYPE_IP && frame.size() >= ip_at + IP_HLEN) {
    constexpr std::size_t from_at = ip_at + 12, to_at = ip_at + 16;
    return byte(from_at) == IP_LOOPBACKNET || byte(to_at) == IP_LOOPBACKNET;
  }
  if (type == ETHTYPE_IPV6 && frame.size() >= ip_at + IP6_HLEN) {
    constexpr std::size_t from_at = ip_at + 8, to_at = ip_at + 24;
    constexpr std::array<std::uint8_t, 16> loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return std::memcmp(&frame[from_at], loopback.data(), loopback.size()) == 0 ||
           std::memcmp(&frame[to_at], loopback.data(), loopback.size()) == 0;
  }
  return false;
}

// ── Start ────────────────────────────────────────────────────────────────────────────────────────

err_t Ethernet::init(netif* interface) {
  const auto& ethernet = *static_cast<Ethernet*>(interface->state);
  interface->name[0] = 'e';
  interface->name[1] = 't';
  interface->mtu = NetworkDevice::mtu;
  interface->hwaddr_len = ETH_HWADDR_LEN;
  std::memcpy(interface->hwaddr, ethernet.device_.address().data(), ETH_HWADDR_LEN);
  interface->flags =
      NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
  interface->output = etharp_output;
  interface->output_ip6 = ethip6_output;
  interface->linkoutput = transmit;
  return ERR_OK;
}

bool Ethernet::start(const std::optional<GivenAddress>& given) {
  ip4_addr_t address{}, mask{}, gateway{};
  if (given) {
    address.addr = given->address;
    mask.addr = given->mask;
    gateway.addr = given->gateway;
  }
  if (netif_add(&interface_, &address, &mask, &gateway, this, init, ethernet_input) == nullptr)
    return false;
  netif_set_hostname(&interface_, system_name::node.c_str());
  netif_set_default(&interface_);
  netif_create_ip6_linklocal_address(&interface_, 1);
  netif_set_ip6_autoconfig_enabled(&interface_, 1);
  if (device_.is_up()) netif_set_link_up(&interface_);
  netif_set_up(&interface_);
  start_link_timers();
  if (given && given->name_server != 0) {
    ip_addr_t server{};
    ip_addr_set_ip4_u32_val(server, given->name_server);
    dns_setserver(0, &server);
  }
  device_.set_user(*this);
  note_address();
  return given || start_dhcp();
}

/// Starts DHCP. lwIP's client has a PCB of its own, which is in no list of the kernel: receive()
/// of a datagram finds it by dhcp_receiver().
bool Ethernet::start_dhcp() {
  const bool is_started = dhcp_start(&interface_) == ERR_OK;
  dhcp_pcb_ = udp_pcbs;
  udp_pcbs = nullptr;
  deliver();
  return is_started;
}

// ── Frames ───────────────────────────────────────────────────────────────────────────────────────

void Ethernet::receive(std::span<const std::byte> frame) {
  const auto bytes = static_cast<u16_t>(frame.size());
  pbuf* const copy = pbuf_alloc(PBUF_RAW, bytes, PBUF_RAM);
  if (copy == nullptr) return device_.note_lost();
  (void)pbuf_take(copy, frame.data(), bytes);
  if (is_forged({static_cast<const std::byte*>(copy->payload), bytes})) {
    pbuf_free(copy);
    return device_.note_lost();
  }
  input(interface_, copy);
  note_address();
}

/// Passes a frame to the device. False: no buffer is free.
bool Ethernet::send(const pbuf& frame) {
  const auto room = device_.take_room();
  if (room.empty()) return false;
  device_.send(pbuf_copy_partial(&frame, room.data(), static_cast<u16_t>(room.size()), 0));
  return true;
}

err_t Ethernet::transmit(netif* interface, pbuf* frame) {
  auto& self = *static_cast<Ethernet*>(interface->state);
  if (frame->tot_len > NetworkDevice::longest_frame) return ERR_BUF;
  if (self.count_ == 0 && self.send(*frame)) return ERR_OK;
  if (!self.device_.is_up() || self.count_ == queue_limit) {
    self.device_.note_unsent();
    return self.device_.is_up() ? ERR_MEM : ERR_OK;
  }
  pbuf_ref(frame);
  self.queue_[(self.first_ + self.count_++) % queue_limit] = frame;
  return ERR_OK;
}

void Ethernet::on_room() {
  while (count_ > 0 && send(*queue_[first_])) {
    pbuf_free(queue_[first_]);
    first_ = (first_ + 1) % queue_limit;
    --count_;
  }
}

void Ethernet::on_link() {
  if (device_.is_up()) {
    netif_set_link_up(&interface_);
  } else {
    netif_set_link_down(&interface_);
    for (; count_ > 0; --count_) {
      pbuf_free(queue_[first_]);
      first_ = (first_ + 1) % queue_limit;
    }
  }
  deliver();
}

/// Wakes the jobs that wait for an address when eth0 has got one.
void Ethernet::note_address() {
  if (had_address_ || !has_address()) return;
  had_address_ = true;
  const std::uint32_t address = lwip_ntohl(netif_ip4_addr(&interface_)->addr);
  log("eth0: {}.{}.{}.{}", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
      address & 0xff);
  address_found_.wake_all();
}

std::optional<std::uint32_t> parse_ip4(std::string_view text) {
  std::array<char, 16> word{};  // with a 0 at its end
  if (text.size() >= word.size()) return {};
  std::ranges::copy(text, word.begin());
  ip4_addr_t address;
  if (ip4addr_aton(word.data(), &address) == 0) return {};
  return address.addr;
}

}  // namespace

std::optional<GivenAddress> parse_address(std::string_view text) {
  const auto take = [&text](char end) {
    const std::string_view word = text.substr(0, text.find(end));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
  };
  const auto address = parse_ip4(take('/'));
  const std::string_view bits = take(',');
  if (!address || bits.empty() || bits.size() > 2) return {};
  unsigned length = 0;
  for (const char digit : bits) {
    if (digit < '0' || digit > '9') return {};
    length = length * 10 + static_cast<unsigned>(digit - '0');
  }
  if (length < 1 || length > 32) return {};
  GivenAddress given{.address = *address, .mask = lwip_htonl(~std::uint32_t{0} << (32 - length))};
  while (!text.empty()) {
    const std::string_view name = take('=');
    const auto value = parse_ip4(take(','));
    if (!value) return {};
    if (name == "gw") {
      given.gateway = *value;
    } else if (name == "dns") {
      given.name_server = *value;
    } else {
      return {};
    }
  }
  return given;
}

Result<> start_ethernet(NetworkDevice& device, const std::optional<GivenAddress>& given) {
  constexpr std::size_t lwip_bytes = 4096;  // of its DHCP client and of IPv6
  if (!memory::can_allocate(sizeof(Ethernet) + lwip_bytes)) return fail(Errno::enomem);
  eth0 = std::make_unique<Ethernet>(device);
  return eth0->start(given) ? Result<>{} : fail(Errno::enomem);
}

async::Task<bool> wait_for_address(async::Duration timeout) {
  if (!eth0) co_return false;
  const async::Instant deadline = async::now() + timeout;
  while (!eth0->has_address()) {
    if (co_await eth0->address_found().wait_until(deadline, "an address of eth0") !=
        async::WaitResult::woken)
      co_return false;
  }
  co_return true;
}

void write_name_servers(PagedText& out) {
  for (u8_t i = 0; i < DNS_MAX_SERVERS; ++i) {
    const ip_addr_t* const server = dns_getserver(i);
    if (ip_addr_isany(server)) continue;
    std::array<char, IPADDR_STRLEN_MAX> text{};
    if (ipaddr_ntoa_r(server, text.data(), static_cast<int>(text.size())) == nullptr) continue;
    fmt::format_to(std::back_inserter(out), "nameserver {}\n", text.data());
  }
}

udp_pcb* dhcp_receiver(std::uint16_t port) {
  return eth0 && port == LWIP_IANA_PORT_DHCP_CLIENT ? eth0->dhcp_pcb() : nullptr;
}

}  // namespace kernel::net
