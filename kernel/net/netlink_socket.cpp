// AF_NETLINK sockets that ask for the machine's devices, addresses and routes (rtnetlink(7)).
//
// A send carries requests. The answers are datagrams in the socket's own queue when the send
// returns: one with all messages, and one with its end. Requests that would change something fail
// with EPERM, and unknown ones with EOPNOTSUPP.
#include <abi/flags.h>
#include <kernel/list.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "files/socket.h"
#include "lwip/netif.h"
#include "memory/frames.h"
#include "net/devices.h"
#include "net/inet_address.h"
#include "net/loopback.h"
#include "net/stack.h"

namespace kernel::net {
namespace {

// linux/netlink.h and linux/rtnetlink.h
constexpr std::uint16_t message_error = 2, message_done = 3, first_request = 16, get_link = 18,
                        get_address = 22, get_route = 26, last_request = 123;
constexpr std::uint16_t new_link = 16, new_address = 20, new_route = 24;
constexpr std::uint16_t flag_request = 1, flag_multi = 2, flag_ack = 4, flag_dump = 0x300;

constexpr std::size_t aligned(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

std::string with_zero(std::string text) {
  text.push_back('\0');
  return text;
}

/// Messages, one after the other.
class Messages {
 public:
  Messages(const abi::NetlinkHeader& request, std::uint32_t port, std::uint16_t flags)
      : request_{request}, port_{port}, flags_{flags} {}

  template <class T>
  void begin(std::uint16_t type, const T& content) {
    start_ = bytes_.size();
    append(abi::NetlinkHeader{
        .length = 0, .type = type, .flags = flags_, .sequence = request_.sequence, .port = port_});
    append(content);
  }
  void add_bytes(std::uint16_t type, std::string_view value) {
    append(static_cast<std::uint16_t>(2 * sizeof type + value.size()));
    append(type);
    bytes_ += value;
    bytes_.resize(aligned(bytes_.size()));
  }
  template <class T>
  void add(std::uint16_t type, const T& value) {
    add_bytes(type, std::string_view{reinterpret_cast<const char*>(&value), sizeof value});
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_, &length, sizeof length);
  }
  bool empty() const { return bytes_.empty(); }
  std::string take() { return std::move(bytes_); }

 private:
  template <class T>
  void append(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  const abi::NetlinkHeader request_;
  const std::uint32_t port_;
  const std::uint16_t flags_;
  std::string bytes_;
  std::size_t start_ = 0;
};

void add_link(Messages& out, const netif& device) {
  constexpr std::uint16_t address = 1, broadcast = 2, name = 3, mtu = 4;
  out.begin(new_link, abi::LinkMessage{.family = abi::af_unspec,
                                       .padding = 0,
                                       .kind = kind_of(device),
                                       .device = netif_get_index(&device),
                                       .flags = flags_of(device),
                                       .changed = 0});
  out.add_bytes(name, with_zero(device_name(device)));
  out.add(mtu, std::uint32_t{device.mtu});
  std::array<char, 6> hardware{};
  std::copy_n(device.hwaddr, std::min<std::size_t>(device.hwaddr_len, hardware.size()),
              hardware.begin());
  out.add(address, hardware);
  if (&device != &loopback()) hardware.fill(static_cast<char>(0xff));
  out.add(broadcast, hardware);
  out.end();
}

std::uint8_t prefix_of(const ip4_addr_t& mask) {
  return static_cast<std::uint8_t>(__builtin_popcount(mask.addr));
}

void add_addresses(Messages& out, const netif& device, int family) {
  constexpr std::uint16_t address = 1, local = 2, label = 3, broadcast = 4;
  constexpr std::uint8_t scope_host = 254, scope_link = 253, permanent = 0x80;
  const bool is_loopback = &device == &loopback();
  if (family != abi::af_inet6 && !ip4_addr_isany_val(*netif_ip4_addr(&device))) {
    const ip4_addr_t ip = address_of(device), mask = *netif_ip4_netmask(&device);
    out.begin(new_address, abi::AddressMessage{.family = abi::af_inet,
                                               .prefix = prefix_of(mask),
                                               .flags = permanent,
                                               .scope = is_loopback ? scope_host : std::uint8_t{0},
                                               .device = netif_get_index(&device)});
    out.add(address, ip.addr);
    out.add(local, ip.addr);
    if (!is_loopback) out.add(broadcast, ip.addr | ~mask.addr);
    out.add_bytes(label, with_zero(device_name(device)));
    out.end();
  }
  if (family == abi::af_inet) return;
  for (unsigned i = 0; i < (is_loopback ? 1u : LWIP_IPV6_NUM_ADDRESSES); ++i) {
    if (!ip6_addr_isvalid(netif_ip6_addr_state(&device, i))) continue;
    ip6_addr_t ip = *netif_ip6_addr(&device, i);
    if (is_loopback) ip6_addr_set_loopback(&ip);  // it has that of the last packet
    const std::uint8_t scope = is_loopback                 ? scope_host
                               : ip6_addr_islinklocal(&ip) ? scope_link
                                                           : std::uint8_t{0};
    out.begin(new_address,
              abi::AddressMessage{.family = abi::af_inet6,
                                  .prefix = static_cast<std::uint8_t>(is_loopback ? 128 : 64),
                                  .flags = permanent,
                                  .scope = scope,
                                  .device = netif_get_index(&device)});
    out.add(address, ip.addr);
    out.end();
  }
}

void add_routes(Messages& out, const netif& device, int family) {
  constexpr std::uint16_t destination = 1, device_index = 4, gateway = 5, preferred = 7;
  constexpr std::uint8_t main_table = 254, by_kernel = 2, unicast = 1, scope_link = 253;
  const ip4_addr_t ip = *netif_ip4_addr(&device), mask = *netif_ip4_netmask(&device);
  if (family == abi::af_inet6 || &device == &loopback() || ip4_addr_isany_val(ip)) return;
  const auto begin = [&](std::uint8_t length, std::uint8_t scope) {
    out.begin(new_route, abi::RouteMessage{.family = abi::af_inet,
                                           .destination_length = length,
                                           .source_length = 0,
                                           .tos = 0,
                                           .table = main_table,
                                           .protocol = by_kernel,
                                           .scope = scope,
                                           .type = unicast,
                                           .flags = 0});
  };
  if (const std::uint32_t by = netif_ip4_gw(&device)->addr; by != 0) {
    begin(0, 0);
    out.add(gateway, by);
    out.add(device_index, std::uint32_t{netif_get_index(&device)});
    out.end();
  }
  begin(prefix_of(mask), scope_link);
  out.add(destination, ip.addr & mask.addr);
  out.add(device_index, std::uint32_t{netif_get_index(&device)});
  out.add(preferred, ip.addr);
  out.end();
}

struct Answer : ListNode<> {
  std::string bytes;
};

/// Strand data.
class NetlinkSocket final : public Socket {
 public:
  NetlinkSocket(int type, int flags)
      : Socket{{.domain = abi::af_netlink, .type = type, .protocol = 0}, flags, IoBuffer::longest} {
  }
  ~NetlinkSocket() override {
    while (!answers_.empty()) drop_first();
  }

  Result<> bind(SocketCaller& caller, const SocketAddress& address) override {
    const auto given = read(address);
    if (!given) return fail(given.error());
    if (given->groups != 0) return fail(Errno::eperm);  // there are no events
    port_ = given->port != 0 ? given->port : static_cast<std::uint32_t>(caller.credentials().pid);
    return {};
  }
  Result<> connect(SocketCaller& caller, const SocketAddress& address, Destination&) override {
    const auto given = read(address);
    if (!given) return fail(given.error());
    if (given->port != 0 || given->groups != 0) return fail(Errno::eperm);
    set_port(caller);
    return {};
  }
  async::WaitList* room_to_connect(const Destination&) override { return nullptr; }
  bool is_listening() const override { return false; }
  Result<> listen(unsigned, abi::Credentials) override { return fail(Errno::enotsup); }
  Result<Ref<Socket>> accept(int) override { return fail(Errno::enotsup); }
  Result<> shutdown(int) override { return fail(Errno::enotsup); }
  SocketAddress name() const override { return shown(port_); }
  Result<SocketAddress> peer_name() const override { return shown(0); }
  abi::Credentials peer_credentials() const override { return {.pid = 0, .uid = ~0u, .gid = ~0u}; }
  int take_error() override { return 0; }
  void visit_queues(Visitor&) override {}

  Result<> prepare_send(SocketCaller& caller, const SocketAddress& to, Outgoing&) override {
    set_port(caller);
    if (to.length == 0) return {};
    const auto given = read(to);
    if (!given) return fail(given.error());
    if (given->port != 0 || given->groups != 0) return fail(Errno::econnrefused);
    return {};
  }
  async::WaitList& room_to_send(const Outgoing&) override { return readable_; }
  std::size_t next_size() override { return answers_.empty() ? 0 : answers_.front().bytes.size(); }
  Result<std::size_t> send(IoBuffer& from, Outgoing& message) override;
  Result<std::size_t> receive(IoBuffer& to, Incoming& message) override;
  bool has_bytes(std::size_t) override { return true; }

  Result<std::size_t> try_read(IoBuffer& buffer) override {
    Incoming message;
    return receive(buffer, message);
  }
  Result<std::size_t> try_write(IoBuffer& buffer) override {
    Outgoing message;
    return send(buffer, message);
  }
  Result<std::size_t> move_nothing(Direction) override { return 0; }
  short readiness() override {
    const short out = abi::pollout | abi::pollwrnorm | abi::pollwrband;
    return answers_.empty() ? out : static_cast<short>(out | abi::pollin | abi::pollrdnorm);
  }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readable_ : nullptr;
  }

 private:
  static constexpr std::size_t longest_request = 4096, most_answers = 64;

  static Result<abi::NetlinkAddress> read(const SocketAddress& address) {
    abi::NetlinkAddress given{};
    if (address.length < sizeof given) return fail(Errno::einval);
    if (family_of(address) != abi::af_netlink) return fail(Errno::einval);
    std::memcpy(&given, address.bytes.data(), sizeof given);
    return given;
  }
  static SocketAddress shown(std::uint32_t port) {
    const abi::NetlinkAddress name{
        .family = abi::af_netlink, .padding = 0, .port = port, .groups = 0};
    SocketAddress address;
    std::memcpy(address.bytes.data(), &name, sizeof name);
    address.length = sizeof name;
    return address;
  }
  void set_port(SocketCaller& caller) {
    if (port_ == 0) port_ = static_cast<std::uint32_t>(caller.credentials().pid);
  }
  void drop_first() {
    Answer& first = answers_.front();
    answers_.remove(first);
    --answer_count_;
    delete &first;
  }
  Result<> queue(Messages& messages) {
    if (answer_count_ == most_answers) return fail(Errno::enobufs);
    auto* const added = new Answer{{}, messages.take()};
    answers_.push_back(*added);
    ++answer_count_;
    return {};
  }
  Result<> answer(const abi::NetlinkHeader& request, std::string_view content);

  std::uint32_t port_ = 0;
  List<Answer> answers_;
  std::size_t answer_count_ = 0;
  async::WaitList readable_;
};

/// `content`: the bytes behind the header.
Result<> NetlinkSocket::answer(const abi::NetlinkHeader& request, std::string_view content) {
  if ((request.flags & flag_request) == 0 || request.type < first_request) return {};
  const int family = content.empty() ? abi::af_unspec : static_cast<unsigned char>(content[0]);
  const bool is_known =
      request.type == get_link || request.type == get_address || request.type == get_route;
  int error = 0;
  if (is_known && (request.flags & flag_dump) != 0) {
    Messages all{request, port_, flag_multi};

    for (const netif* device = next_device(nullptr); device != nullptr;
         device = next_device(device)) {
      if (request.type == get_link) add_link(all, *device);
      if (request.type == get_address) add_addresses(all, *device, family);
      if (request.type == get_route) add_routes(all, *device, family);
    }
    if (!all.empty()) {
      if (auto queued = queue(all); !queued) return queued;
    }
    Messages done{request, port_, flag_multi};
    done.begin(message_done, std::int32_t{0});
    done.end();
    return queue(done);
  }
  if (request.type == get_link && content.size() >= sizeof(abi::LinkMessage)) {
    abi::LinkMessage wanted;
    std::memcpy(&wanted, content.data(), sizeof wanted);
    const netif* const device = wanted.device > 0 && wanted.device < 256
                                    ? netif_get_by_index(static_cast<u8_t>(wanted.device))
                                    : nullptr;
    if (device != nullptr) {
      Messages one{request, port_, 0};
      add_link(one, *device);
      return queue(one);
    }
    error = static_cast<int>(Errno::enodev);
  } else {
    // Every third type of a group only asks (RTM_GET…).
    const bool asks = request.type % 4 == 2;
    error = static_cast<int>(asks || request.type > last_request ? Errno::enotsup : Errno::eperm);
  }
  if (error == 0 && (request.flags & flag_ack) == 0) return {};
  struct {
    std::int32_t error;
    abi::NetlinkHeader request;
  } const content_of_error{-error, request};
  Messages failed{request, port_, 0};
  failed.begin(message_error, content_of_error);
  failed.end();
  return queue(failed);
}

Result<std::size_t> NetlinkSocket::send(IoBuffer& from, Outgoing& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::enotsup);
  const std::size_t size = from.left();
  if (size == 0) return fail(Errno::enodata);
  if (size > longest_request) return fail(Errno::emsgsize);
  // The answers of all requests, which are of at most a few hundred bytes for each device.
  if (!memory::can_allocate(16 * hal::page_size)) return fail(Errno::enobufs);
  std::string bytes(size, '\0');
  const auto taken = from.take_all(std::as_writable_bytes(std::span{bytes}));
  if (!taken) return fail(taken.error());
  std::string_view rest{bytes};
  while (rest.size() >= sizeof(abi::NetlinkHeader)) {
    abi::NetlinkHeader header;
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.length < sizeof header || header.length > rest.size()) break;
    const auto answered = answer(header, rest.substr(sizeof header, header.length - sizeof header));
    if (!answered) return fail(answered.error());
    rest.remove_prefix(std::min(aligned(header.length), rest.size()));
  }
  readable_.wake_all();
  return size;
}

Result<std::size_t> NetlinkSocket::receive(IoBuffer& to, Incoming& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::enotsup);
  if (answers_.empty()) return fail(Errno::would_block);
  if (to.must_page_in(IoBuffer::Direction::put)) {
    readable_.pass_wake();
    return fail(Errno::would_block);
  }
  const std::string& bytes = answers_.front().bytes;
  const std::size_t size = bytes.size();
  if (to.left() < size) message.message_flags |= abi::msg_trunc;
  message.from = shown(0);
  Result<std::size_t> moved = 0;
  if (!to.empty()) moved = to.put(std::as_bytes(std::span{bytes}));
  if (!message.peeks()) drop_first();
  if (!answers_.empty()) readable_.pass_wake();
  if (!moved) return moved;
  return (message.flags & abi::msg_trunc) != 0 ? size : *moved;
}

Result<Ref<Socket>> make_netlink(int type, int protocol, int flags) {
  if (type != abi::sock_raw && type != abi::sock_dgram) return fail(Errno::esocktnosupport);
  if (protocol != 0) return fail(Errno::eprotonosupport);
  if (auto started = start(); !started) return fail(started.error());
  if (!memory::can_allocate(sizeof(NetlinkSocket))) return fail(Errno::enomem);
  return Ref<Socket>{make_ref<NetlinkSocket>(type, flags)};
}

constexpr SocketFamily netlink_family{
    .name = "netlink", .domain = abi::af_netlink, .make = &make_netlink, .connect_pair = nullptr};

}  // namespace
}  // namespace kernel::net

namespace kernel {

KERNEL_SOCKET_FAMILY("netlink", net::netlink_family);

}  // namespace kernel
