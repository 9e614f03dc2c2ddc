// TCP sockets (tcp(7)).
//
//          connect()                        the peer agrees
//   closed ─────────▶ connecting ──────────────────────────▶ connected
//     │  ▲                │ it refuses, or does not answer        │ reset, or both sides have ended
//     │  └────────────────┘◀──────────────────────────────────────┘
//     └ listen() ─▶ listening ── accept() ─▶ a new socket, connected
//
// lwIP's object of a connection (tcp_pcb) exists while the socket is connecting or connected. It
// outlives the socket if bytes or the FIN must still reach the peer.
//
// Received bytes stay in lwIP's packets until a program reads them.
//
// If both sockets of a connection are in this kernel, they are *joined* as soon as lwIP has made
// the connection: send() puts bytes into the pipe from which the other socket receives.
//
//   TcpSocket ── out_ ──▶ Pipe ── in_ ──▶ TcpSocket        and the same back
//       │ pcb_                                │ pcb_
//       └────── SYN, FIN, RST: lwIP ──────────┘
//
// lwIP sends the FIN after all bytes are in the pipe. It never sees these bytes, so its sequence
// numbers and windows stay as they are. If the peer was closed, the socket sends by lwIP again, and
// lwIP answers with a reset.
#pragma once

#include <kernel/list.h>

#include <coroutine>
#include <cstdint>

#include "files/pipe.h"
#include "lwip/tcp.h"
#include "net/inet_socket.h"

namespace kernel::net {

/// The binding of the listening socket for connections to an address; null: there is none. `hash`:
/// of the client's address and port, to choose among several with SO_REUSEPORT.
Binding* find_listener(const ip_addr_t& to, std::uint16_t port, std::uint32_t hash);
/// Whether a listening socket takes one more connection.
bool has_room(const Binding& listener);

/// The socket of a connection; null: only lwIP has the connection.
class TcpSocket* socket_of(const tcp_pcb& pcb);
/// Linux's number of the state of a connection (TCP_ESTABLISHED, …).
std::uint8_t linux_state(const tcp_pcb& pcb);

/// Strand data. But reads and writes of joined sockets may share the strand, as those of a pipe do.
class TcpSocket final : public InetSocket, private ListNode<> {
 public:
  /// `in`, `out`: new pipes, or the `out` and `in` of the socket to which join() will join this
  /// one.
  TcpSocket(int domain, int flags, Ref<Pipe> in, Ref<Pipe> out);
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
  bool has_error(Direction direction) override {
    return error_ != 0 && (direction == Direction::write || next_size() == 0);
  }
  std::size_t next_size() override { return is_joined_ ? in_->filled() : received_; }
  short readiness() override;
  void options_changed() override;

  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<std::size_t> try_write(IoBuffer& buffer) override;
  Result<std::size_t> read_sharing(const ReadBytes& to) override;
  Result<std::size_t> write_sharing(const WrittenBytes& from) override;
  bool wait_sharing(std::coroutine_handle<> reader) override;
  bool is_watched_sharing() override { return may_wait_for_peer(); }
  bool watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) override;
  Result<short> readiness_sharing() override;
  void stop_sharing(async::Observer& reader) override { in_->stop_sharing(reader); }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readable() : &writable();
  }

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
  /// The socket at the other end of a connection that is being accepted, if the two can be joined:
  /// lwIP has no bytes for either of them. Else null.
  static TcpSocket* joinable_client(const tcp_pcb& accepted);
  /// Joins this socket and `peer`, the other end of its connection. Both must already use the same
  /// two pipes.
  void join(TcpSocket& peer);
  /// Ends the join, because this end stops receiving. The peer sends by lwIP from now on.
  void leave_peer();
  /// Bytes have come for a socket that has shut down both directions: ends the connection by a
  /// reset, as RFC 1122 (4.2.2.13) demands.
  void reset_by_bytes();
  /// The most received bytes, and the most sent bytes, that may wait in this socket (SO_RCVBUF,
  /// SO_SNDBUF). The pipe from one joined socket to the other may hold both: set_limits().
  std::size_t receive_limit() const;
  std::size_t send_limit() const;
  void set_limits();
  // Whether a joined socket can transfer bytes without lwIP. Only the strand changes the answers.
  bool can_write_to_peer() const {
    return peer_ != nullptr && !peer_refuses_ && !shut_writes_ && error_ == 0 &&
           !waits_for_device();
  }
  bool may_wait_for_peer() const {
    return peer_ != nullptr && !has_end_ && !shut_reads_ && !waits_for_device();
  }
  Result<std::size_t> receive_joined(IoBuffer& to, const Incoming& message);
  async::WaitList& readable() { return in_->readable(); }
  async::WaitList& writable() { return out_->writable(); }
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
  /// is_writable() of a joined socket if `filled` bytes wait for the peer.
  bool is_writable_to_peer(std::size_t filled) const;
  /// How many of `filled` bytes Linux would still have in the queue of the sender.
  std::size_t unsent_of(std::size_t filled) const;
  void append(pbuf* bytes);
  void acknowledge(std::size_t count);
  void drop_received();
  void wake_all();
  void apply_options() override;
  std::size_t unacknowledged_bytes() override;
  std::size_t waiting_to_be_received() override {
    return is_listening() ? waiting_count_ : next_size();
  }
  Result<> set_tcp_option(int option, int value) override;
  Result<int> tcp_option(int option) override;
  std::optional<abi::TcpInfo> tcp_info() override;

  State state_ = State::closed;
  bool was_connected_ = false;   // the state is `closed`, and was `connected`
  bool connect_is_over_ = true;  // false: connect() has yet to return a result
  bool has_end_ = false;         // the peer has sent its FIN
  bool lacks_room_ = false;      // a writer waits
  bool is_nodelay_ = false;
  bool is_corked_ = false;
  bool has_send_limit_ = false;     // SO_SNDBUF was set
  bool has_receive_limit_ = false;  // SO_RCVBUF was set
  // The received bytes are in in_, even after the peer has ended. Only one connection uses the
  // pipes, because the other end of it may still read from them.
  bool is_joined_ = false;
  bool was_joined_ = false;    // also in an earlier connection: the pipes are not used again
  bool peer_refuses_ = false;  // the peer has shut down both directions: a send resets it
  TcpSocket* peer_ = nullptr;  // the joined socket, while bytes can go to it by out_
  const Ref<Pipe> in_, out_;   // never null: jobs that wait for the socket are in their lists
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
