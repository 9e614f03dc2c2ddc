// TCP sockets (tcp(7)).
//
//          connect()                        the peer agrees
//   closed ─────────▶ connecting ──────────────────────────▶ connected
//     │  ▲                │ it refuses, or does not answer        │ reset, or both sides have ended
//     │  └────────────────┘◀──────────────────────────────────────┘
//     └ listen() ─▶ listening ── accept() ─▶ a new socket, connected
//
// lwIP's object of a connection (tcp_pcb) exists while the socket is connecting or connected. It
// outlives the file if bytes or the end must still reach the peer. Then it has no socket.
//
// Received bytes stay in lwIP's packets until a program reads them.
#pragma once

#include <kernel/list.h>

#include <cstdint>

#include "lwip/tcp.h"
#include "net/inet_socket.h"

namespace kernel::net {

/// The listening socket for connections to an address; null: there is none. `hash`: of the client.
Binding* find_listener(const ip_addr_t& to, std::uint16_t port, std::uint32_t hash);
/// Whether a listening socket takes one more connection.
bool has_room(const Binding& listener);

/// The socket of a connection; null: only lwIP has the connection.
class TcpSocket* socket_of(const tcp_pcb& pcb);
/// Linux's number of the state of a connection (TCP_ESTABLISHED, …).
std::uint8_t linux_state(const tcp_pcb& pcb);

/// Strand data.
class TcpSocket final : public InetSocket, private ListNode<> {
 public:
  TcpSocket(int domain, int flags);
  ~TcpSocket() override;

  /// A new socket. ENOMEM.
  static Result<Ref<Socket>> make(int domain, int flags);

  bool is_listening() const override { return state_ == State::listening; }
  Result<> connect(SocketCaller& caller, const SocketAddress& address, Destination& to) override;
  Result<> listen(unsigned backlog, abi::Credentials self) override;
  Result<Ref<Socket>> accept(int flags) override;
  Result<> shutdown(int how) override;
  Result<SocketAddress> peer_name() const override;

  Result<> prepare_send(SocketCaller&, const SocketAddress&, Outgoing&) override { return {}; }
  Result<std::size_t> send(IoBuffer& from, Outgoing& message) override;
  Result<std::size_t> receive(IoBuffer& to, Incoming& message) override;
  bool has_bytes(std::size_t count) override;
  std::size_t next_size() override { return received_; }
  short readiness() override;
  void options_changed() override;

 private:
  friend List<TcpSocket>;
  friend bool has_room(const Binding& listener);
  enum class State : std::uint8_t { closed, listening, connecting, connected };

  // lwIP calls these.
  static err_t on_passive_open(u8_t, tcp_pcb_listen* listener, tcp_pcb* pcb);
  static err_t on_accept(void* listener, tcp_pcb* pcb, err_t error);
  static err_t on_connected(void* self, tcp_pcb* pcb, err_t error);
  static err_t on_received(void* self, tcp_pcb* pcb, pbuf* bytes, err_t error);
  static err_t on_sent(void* self, tcp_pcb* pcb, u16_t count);
  static void on_error(void* self, err_t error);
  static void on_half_open_freed(u8_t, void* binding);
  static void on_binding_freed(u8_t, void* binding);
  static void on_pcb_freed(u8_t, void* self);

  /// Makes `pcb` this socket's.
  void attach(tcp_pcb& pcb);
  /// Leaves the connection to lwIP, which ends it.
  void end_connection(bool by_reset);
  Result<Ref<Binding>> bind_to_connect(const ip_addr_t& source, const InetName& to);
  Result<> start_connecting(const InetName& to);
  void end_listening();
  void end_with(Errno error);
  void forget_names();
  /// Whether the connection has ended; lwIP may still keep it for late packets.
  bool is_over() const;
  std::size_t room() const;
  bool is_writable() const;
  void append(pbuf* bytes);
  void acknowledge(std::size_t count);
  void drop_received();
  void wake_all();
  void apply_options() override;
  std::size_t bytes_on_their_way() override;
  std::size_t waiting_to_be_received() override {
    return is_listening() ? waiting_count_ : received_;
  }
  Result<> set_tcp_option(int option, int value) override;
  Result<int> tcp_option(int option) override;
  std::optional<abi::TcpInfo> tcp_info() override;

  State state_ = State::closed;
  bool was_connected_ = false;   // and is closed now
  bool connect_is_over_ = true;  // connect() has returned the result
  bool has_end_ = false;         // the peer sends no more
  bool lacks_room_ = false;      // a writer waits
  bool is_nodelay_ = false;
  bool is_corked_ = false;
  bool has_send_limit_ = false;  // SO_SNDBUF was set
  tcp_pcb* pcb_ = nullptr;
  InetName remote_;

  pbuf* first_ = nullptr;  // the received bytes, linked by `next`; each has tot_len == len
  pbuf* last_ = nullptr;
  std::size_t received_ = 0;
  std::uint32_t room_in_last_ = 0;  // bytes that fit behind those of last_

  unsigned backlog_ = 0;
  unsigned waiting_count_ = 0;
  List<TcpSocket> waiting_;  // owns a reference to each

  int keep_idle_ = 7200, keep_interval_ = 75, keep_count_ = 9;  // s
  int defer_accept_ = 0, user_timeout_ = 0, linger2_ = 60, syn_count_ = 6, max_segment_ = 0;
};

}  // namespace kernel::net
