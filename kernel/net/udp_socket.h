// Sockets of UDP and of UDP-Lite, whose checksum need not cover all bytes (udp(7), udplite(7)).
#pragma once

#include <async/wait_list.h>
#include <kernel/list.h>

#include <cstdint>
#include <memory>

#include "lwip/udp.h"
#include "net/inet_socket.h"

namespace kernel::net {

/// lwIP's object of the socket that receives a datagram; null: there is none. `ports`: those of its
/// protocol.
udp_pcb* find_receiver(const Ports& ports, const ip_addr_t& to, std::uint16_t port,
                       const ip_addr_t& from, std::uint16_t from_port);
/// A datagram from `local` to `remote` did not reach its receiver. `is_port`: no socket has the
/// port.
void note_udp_error(const Ports& ports, const ip_addr_t& local, std::uint16_t local_port,
                    const ip_addr_t& remote, std::uint16_t remote_port, bool is_port);

/// Strand data.
class UdpSocket final : public InetSocket {
 public:
  UdpSocket(int domain, int protocol, int flags, udp_pcb& pcb);
  ~UdpSocket() override;

  /// A new socket. ENOMEM.
  static Result<Ref<Socket>> make(int domain, int protocol, int flags);

  bool is_listening() const override { return false; }
  Result<> connect(SocketCaller& caller, const SocketAddress& address, Destination& to) override;
  Result<> listen(unsigned, abi::Credentials) override { return fail(Errno::enotsup); }
  Result<Ref<Socket>> accept(int) override { return fail(Errno::enotsup); }
  Result<> shutdown(int how) override;
  Result<SocketAddress> peer_name() const override;

  Result<> prepare_send(SocketCaller& caller, const SocketAddress& to, Outgoing& message) override;
  Result<std::size_t> send(IoBuffer& from, Outgoing& message) override;
  Result<std::size_t> receive(IoBuffer& to, Incoming& message) override;
  bool has_bytes(std::size_t) override { return true; }
  std::size_t next_size() override;
  short readiness() override;
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readable_ : &writable_;
  }

 private:
  struct Datagram;
  friend udp_pcb* find_receiver(const Ports&, const ip_addr_t&, std::uint16_t, const ip_addr_t&,
                                std::uint16_t);
  friend void note_udp_error(const Ports&, const ip_addr_t&, std::uint16_t, const ip_addr_t&,
                             std::uint16_t, bool);

  static void on_received(void* self, udp_pcb* pcb, pbuf* bytes, const ip_addr_t* from,
                          u16_t from_port);
  static constexpr std::size_t cost(std::size_t size) { return size + 768; }
  void drop_first();
  void add_control(const Datagram& datagram, Incoming& message) const;
  void apply_options() override;
  Result<> set_udplite_option(int option, int value) override;
  Result<int> udplite_option(int option) override;
  bool is_lite() const { return kind().protocol == abi::ipproto_udplite; }
  std::size_t waiting_to_be_received() override { return queued_bytes_; }
  InetName peer_or_none() const override {
    return is_connected_ ? remote_ : InetSocket::peer_or_none();
  }

  udp_pcb& pcb_;
  bool is_connected_ = false;
  InetName remote_;
  List<Datagram> queue_;
  std::size_t queued_bytes_ = 0;  // by cost()
  async::WaitList readable_, writable_;
};

}  // namespace kernel::net
