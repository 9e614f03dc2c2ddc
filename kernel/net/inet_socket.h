// The common part of the sockets of AF_INET and AF_INET6: names and options (ip(7), ipv6(7)).
#pragma once

#include <kernel/ref.h>

#include <cstdint>
#include <optional>

#include "files/socket.h"
#include "net/inet_address.h"
#include "net/ports.h"

namespace kernel::net {

/// Strand data.
class InetSocket : public Socket {
 public:
  // ── Names ──

  Result<> bind(SocketCaller& caller, const SocketAddress& address) final;
  SocketAddress name() const final { return shown_address(local_, kind().domain); }
  abi::Credentials peer_credentials() const final { return {.pid = 0, .uid = ~0u, .gid = ~0u}; }
  int take_error() final { return std::exchange(error_, 0); }
  void visit_queues(Visitor&) final {}
  bool can_reuse_port() const final { return true; }

  // ── Options ──

  Result<> set_option_of(memory::AddressSpace& space, int level, int option,
                         memory::UserSpan<const std::byte> value) final;
  Result<std::size_t> option_of(memory::AddressSpace& space, int level, int option,
                                memory::UserSpan<std::byte> to) final;
  void options_changed() override;

  // ── The file ──

  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<std::size_t> try_write(IoBuffer& buffer) override;
  async::WaitList* room_to_connect(const Destination&) final { return changes(Direction::write); }
  async::WaitList& room_to_send(const Outgoing&) final { return *changes(Direction::write); }
  Errno connect_timeout() const final { return Errno::einprogress; }
  /// The counts of the socket in its line of /proc/net.
  struct Counts {
    std::size_t sent = 0;      ///< bytes that the peer has not acknowledged
    std::size_t received = 0;  ///< bytes, or connections of a listening socket, that wait
  };
  Counts counts() { return {unacknowledged_bytes(), waiting_to_be_received()}; }
  InetName peer() const { return peer_or_none(); }
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) final;
  Result<std::size_t> count_queued(unsigned long request) override;

 protected:
  InetSocket(Kind kind, int flags, std::size_t whole_write, Ports& ports)
      : Socket{kind, flags, whole_write}, ports_{ports}, local_{.ip = any_address(kind.domain)} {}
  ~InetSocket() override;

  bool is_v6() const { return kind().domain == abi::af_inet6; }
  Binding::Terms terms() const {
    return {.reuses_address = has_option(abi::so_reuseaddr),
            .reuses_port = has_option(abi::so_reuseport)};
  }
  /// Takes a free port if the socket has none. EADDRINUSE; ENOMEM.
  Result<> bind_to_any();
  /// The destination of a connection or a datagram. The address 0.0.0.0 stands for this machine.
  /// EINVAL; EAFNOSUPPORT; ENETUNREACH.
  Result<InetName> destination(const SocketAddress& address) const;
  /// The address of this machine from which packets to `to` come. ENETUNREACH.
  Result<ip_addr_t> source_for(const ip_addr_t& to) const;
  /// The type of lwIP's objects for the addresses that the socket may have.
  ip_addr_t bound_ip() const;

  /// Whether a boolean option of IPPROTO_IP or IPPROTO_IPV6 is on.
  bool has_switch(int level, int option) const;

  /// Bytes that the peer has not acknowledged (SIOCOUTQ).
  virtual std::size_t unacknowledged_bytes() { return 0; }
  virtual std::size_t waiting_to_be_received() = 0;
  virtual InetName peer_or_none() const { return {.ip = any_address(kind().domain)}; }
  /// Copies options and the local address to lwIP's object. Called after they have changed.
  virtual void apply_options() {}
  virtual Result<> set_tcp_option(int, int) { return fail(Errno::enoprotoopt); }
  virtual Result<int> tcp_option(int) { return fail(Errno::enoprotoopt); }
  virtual Result<> set_udplite_option(int, int) { return fail(Errno::enoprotoopt); }
  virtual Result<int> udplite_option(int) { return fail(Errno::enoprotoopt); }
  virtual std::optional<abi::TcpInfo> tcp_info() { return std::nullopt; }

  Ports& ports_;
  Ref<Binding> binding_;  // null: the socket has no port
  InetName local_;
  bool is_bound_ = false;  // by bind()
  bool shut_reads_ = false;
  bool shut_writes_ = false;
  bool is_v6_only_ = false;
  std::uint8_t ttl_ = 64;
  std::uint8_t tos_ = 0;
  std::uint32_t flags_of_level_ = 0;  // the boolean options of IPPROTO_IP and IPPROTO_IPV6
  int error_ = 0;
};

}  // namespace kernel::net
