#include "net/tcp_socket.h"

#include <abi/flags.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lwip/priv/tcp_priv.h"
#include "memory/frames.h"
#include "net/stack.h"
#include "net/tcp_table.h"

namespace kernel::net {
namespace {

constexpr std::size_t longest_whole_write = 4096;  // bytes
constexpr std::size_t step_piece = 0xffff;         // the most bytes of a call of tcp_write()
constexpr std::uint32_t usual_send_buffer = 16'384,
                        usual_receive_buffer = 131'072;  // tcp_wmem, tcp_rmem
constexpr std::size_t bytes_of_socket = sizeof(TcpSocket) + 2 * sizeof(Pipe);
/// The places of the arguments of a tcp_pcb.
constexpr u8_t binding_place = 0, socket_place = 1;

/// A connection that waits for bytes keeps no page.
Ref<Pipe> make_queue() {
  return make_ref<Pipe>(Pipe::Use::network);
}

std::size_t queued_bytes(tcp_pcb& pcb) {
  return TCP_SND_BUF - pcb.snd_buf;  // tcp_sndbuf() has only 16 bits
}

/// Copies the beginning of `piece` into `to`, or skips as many bytes. Returns their number.
Result<std::size_t> take_piece(IoBuffer& to, const pbuf& piece, bool discards) {
  if (!discards) return to.put({static_cast<const std::byte*>(piece.payload), piece.len});
  const std::size_t count = std::min<std::size_t>(to.left(), piece.len);
  to.skip(count);
  return count;
}

/// Lets lwIP see the bucket of the connection, calls `call`, and delivers the packets that it sent.
template <class Call>
void in_bucket_of(tcp_pcb& pcb, Call call) {
  {
    const InBucket bucket{tuple_of(pcb)};
    call();
  }
  deliver();
}

}  // namespace

// ── What lwIP calls ──

Binding* find_listener(const ip_addr_t& to, std::uint16_t port, std::uint32_t hash) {
  return tcp_ports.find(port, hash, [&](const Binding& binding) {
    if (!binding.is_listening || !binding.accepts(to)) return -1;
    return 2 * !binding.name().is_any() + (binding.name().ip.type != IPADDR_TYPE_ANY);
  });
}

bool has_room(const Binding& listener) {
  const auto& socket = static_cast<const TcpSocket&>(*listener.owner);
  return socket.waiting_count_ <= socket.backlog_ &&
         listener.half_open <= std::max(socket.backlog_, 128u);
}

err_t TcpSocket::on_passive_open(u8_t, tcp_pcb_listen* listener, tcp_pcb* pcb) {
  static constexpr tcp_ext_arg_callbacks of_half_open{.destroy = &on_half_open_freed,
                                                      .passive_open = nullptr};
  auto& binding = *static_cast<Binding*>(listener->callback_arg);
  tcp_ext_arg_set(pcb, binding_place, Ref<Binding>::share(binding).leak());
  tcp_ext_arg_set_callbacks(pcb, binding_place, &of_half_open);
  ++binding.half_open;
  return ERR_OK;
}

void TcpSocket::on_half_open_freed(u8_t, void* binding) {
  const auto dropped = Ref<Binding>::adopt(static_cast<Binding*>(binding));
  --dropped->half_open;
}
void TcpSocket::on_binding_freed(u8_t, void* binding) {
  const auto dropped = Ref<Binding>::adopt(static_cast<Binding*>(binding));
}
void TcpSocket::on_pcb_freed(u8_t, void* self) {
  if (self != nullptr) static_cast<TcpSocket*>(self)->pcb_ = nullptr;
}

void TcpSocket::attach(tcp_pcb& pcb) {
  static constexpr tcp_ext_arg_callbacks of_binding{.destroy = &on_binding_freed,
                                                    .passive_open = nullptr};
  static constexpr tcp_ext_arg_callbacks of_socket{.destroy = &on_pcb_freed,
                                                   .passive_open = nullptr};
  pcb_ = &pcb;
  tcp_ext_arg_set_callbacks(&pcb, binding_place, &of_binding);
  tcp_ext_arg_set(&pcb, socket_place, this);
  tcp_ext_arg_set_callbacks(&pcb, socket_place, &of_socket);
  tcp_arg(&pcb, this);
  tcp_recv(&pcb, &on_received);
  tcp_sent(&pcb, &on_sent);
  tcp_err(&pcb, &on_error);
  remote_ = {.ip = pcb.remote_ip, .port = pcb.remote_port};
  local_ = {.ip = pcb.local_ip, .port = pcb.local_port};
  apply_options();
}

err_t TcpSocket::on_accept(void* listener, tcp_pcb* pcb, err_t error) {
  if (pcb == nullptr || error != ERR_OK) return ERR_MEM;
  auto& binding = *static_cast<Binding*>(listener);
  pcb->listener = nullptr;  // the binding may end before the connection
  if (!binding.is_listening) return ERR_CLSD;
  if (!memory::can_allocate(bytes_of_socket)) return ERR_MEM;
  auto& socket = static_cast<TcpSocket&>(*binding.owner);
  --binding.half_open;
  TcpSocket* const client = joinable_client(*pcb);
  auto* const child = client != nullptr
                          ? new TcpSocket{socket.kind().domain, 0, client->out_, client->in_}
                          : new TcpSocket{socket.kind().domain, 0, make_queue(), make_queue()};
  child->binding_ = Ref<Binding>::share(binding);
  child->is_bound_ = true;
  child->change_options() = socket.options();
  child->is_nodelay_ = socket.is_nodelay_;
  child->is_v6_only_ = socket.is_v6_only_;
  child->ttl_ = socket.ttl_;
  child->tos_ = socket.tos_;
  child->keep_idle_ = socket.keep_idle_;
  child->keep_interval_ = socket.keep_interval_;
  child->keep_count_ = socket.keep_count_;
  child->has_send_limit_ = socket.has_send_limit_;
  child->has_receive_limit_ = socket.has_receive_limit_;
  if (socket.waits_for_device()) child->wait_specially();
  child->state_ = State::connected;
  child->attach(*pcb);
  if (client != nullptr) child->join(*client);
  socket.waiting_.push_back(*child);
  ++socket.waiting_count_;
  socket.readable().wake_one();
  return ERR_OK;
}

err_t TcpSocket::on_connected(void* self, tcp_pcb* pcb, err_t) {
  auto& socket = *static_cast<TcpSocket*>(self);
  // A SYN that was repeated says nothing about the time of the first bytes: 3 s (RFC 6298, 5.7).
  pcb->rto = std::min<s16_t>(pcb->rto, 3'000 / TCP_SLOW_INTERVAL);
  socket.state_ = State::connected;
  socket.wake_all();
  return ERR_OK;
}

err_t TcpSocket::on_received(void* self, tcp_pcb*, pbuf* bytes, err_t) {
  auto& socket = *static_cast<TcpSocket*>(self);
  if (bytes == nullptr) {
    socket.has_end_ = true;
    socket.wake_all();
  } else if (socket.is_joined_) {
    // The peer sends no bytes by lwIP, so these have come from another machine.
    const std::size_t count = bytes->tot_len;
    pbuf_free(bytes);
    socket.acknowledge(count);
  } else {
    socket.append(bytes);
    socket.readable().wake_one();
  }
  return ERR_OK;
}

err_t TcpSocket::on_sent(void* self, tcp_pcb*, u16_t) {
  auto& socket = *static_cast<TcpSocket*>(self);
  if (socket.lacks_room_ && socket.is_writable()) {
    socket.lacks_room_ = false;
    socket.writable().wake_all();
  }
  return ERR_OK;
}

void TcpSocket::on_error(void* self, err_t error) {
  auto& socket = *static_cast<TcpSocket*>(self);
  socket.pcb_ = nullptr;
  socket.leave_peer();
  Errno reason = Errno::etimedout;
  if (error == ERR_CLSD) reason = {};
  if (error == ERR_RST) {
    reason = socket.state_ == State::connecting ? Errno::econnrefused
             : socket.has_end_                  ? Errno::epipe
                                                : Errno::econnreset;
  }
  socket.end_with(reason);
}

/// The connection has ended. `error` 0: both sides have ended it.
void TcpSocket::end_with(Errno error) {
  was_connected_ = state_ == State::connected;
  state_ = State::closed;
  if (!was_connected_) forget_names();
  if (error != Errno{}) error_ = static_cast<int>(error);
  wake_all();
}

/// Gives up the port that connect() has taken.
void TcpSocket::forget_names() {
  if (is_bound_) return;
  binding_ = nullptr;
  local_ = {.ip = any_address(kind().domain)};
}

bool TcpSocket::is_over() const {
  if (state_ != State::connected) return state_ == State::closed;
  return pcb_ == nullptr || pcb_->state == TIME_WAIT;
}

void TcpSocket::wake_all() {
  readable().wake_all();
  writable().wake_all();
}

TcpSocket* socket_of(const tcp_pcb& pcb) {
  return static_cast<TcpSocket*>(pcb.ext_args[socket_place].data);
}

std::uint8_t linux_state(const tcp_pcb& pcb) {
  // In the order of lwIP's states.
  constexpr std::array<std::uint8_t, 11> states{7, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6};
  return states[pcb.state];
}

// ── Life ──

TcpSocket::TcpSocket(int domain, int flags, Ref<Pipe> in, Ref<Pipe> out)
    : InetSocket{{.domain = domain, .type = abi::sock_stream, .protocol = abi::ipproto_tcp},
                 flags,
                 longest_whole_write,
                 tcp_ports},
      in_{std::move(in)},
      out_{std::move(out)} {
  be_stream();
  let_wait_sharing();
  Options& options = change_options();
  options.send_buffer = usual_send_buffer;
  options.receive_buffer = usual_receive_buffer;
}

Result<Ref<Socket>> TcpSocket::make(int domain, int flags) {
  if (!memory::can_allocate(bytes_of_socket)) return fail(Errno::enomem);
  return Ref<Socket>{make_ref<TcpSocket>(domain, flags, make_queue(), make_queue())};
}

TcpSocket::~TcpSocket() {
  end_listening();
  const bool lingers_not = options().linger.is_on != 0 && options().linger.seconds == 0;
  if (pcb_ != nullptr) end_connection(next_size() > 0 || lingers_not);
  leave_peer();
  drop_received();
}

void TcpSocket::end_connection(bool by_reset) {
  leave_peer();
  tcp_pcb& pcb = *std::exchange(pcb_, nullptr);
  tcp_ext_arg_set(&pcb, socket_place, nullptr);
  tcp_arg(&pcb, nullptr);
  tcp_recv(&pcb, nullptr);
  tcp_sent(&pcb, nullptr);
  tcp_err(&pcb, nullptr);
  in_bucket_of(pcb, [&] {
    if (by_reset) {
      tcp_abort(&pcb);
    } else {
      (void)tcp_close(&pcb);
    }
  });
}

void TcpSocket::append(pbuf* bytes) {
  constexpr std::size_t small = 512, shared = 2048 - sizeof(pbuf) - 16;
  while (bytes != nullptr) {
    pbuf* const piece = bytes;
    bytes = piece->next;
    piece->next = nullptr;
    piece->tot_len = piece->len;
    const std::size_t size = piece->len;
    received_ += size;
    if (size <= room_in_last_) {
      // Small pieces share a packet, so that waiting bytes need not take much more memory than
      // bytes.
      std::memcpy(static_cast<std::byte*>(last_->payload) + last_->len, piece->payload, size);
      last_->len = last_->tot_len = static_cast<u16_t>(last_->len + size);
      room_in_last_ -= static_cast<std::uint32_t>(size);
      pbuf_free(piece);
      continue;
    }
    pbuf* added = piece;
    room_in_last_ = 0;
    if (first_ != nullptr && size <= small) {
      if (pbuf* const room = pbuf_alloc(PBUF_RAW, shared, PBUF_RAM); room != nullptr) {
        std::memcpy(room->payload, piece->payload, size);
        room->len = room->tot_len = static_cast<u16_t>(size);
        room_in_last_ = static_cast<std::uint32_t>(shared - size);
        pbuf_free(piece);
        added = room;
      }
    }
    (first_ == nullptr ? first_ : last_->next) = added;
    last_ = added;
  }
}

void TcpSocket::drop_received() {
  while (pbuf* const piece = first_) {
    first_ = piece->next;
    piece->next = nullptr;
    pbuf_free(piece);
  }
  last_ = nullptr;
  room_in_last_ = 0;
  received_ = 0;
}

// ── Joined sockets ──

TcpSocket* TcpSocket::joinable_client(const tcp_pcb& accepted) {
  const tcp_pcb* const pcb = find_other_end(accepted);
  if (pcb == nullptr || pcb->state != ESTABLISHED) return nullptr;
  if (pcb->unsent != nullptr || pcb->unacked != nullptr) return nullptr;
  TcpSocket* const client = kernel::net::socket_of(*pcb);
  const bool can_join = client != nullptr && client->state_ == State::connected &&
                        !client->shut_writes_ && !client->was_joined_ && client->received_ == 0;
  return can_join ? client : nullptr;
}

void TcpSocket::join(TcpSocket& peer) {
  for (TcpSocket* const end : {this, &peer}) end->is_joined_ = end->was_joined_ = true;
  peer_ = &peer;
  peer.peer_ = this;
  set_limits();
}

void TcpSocket::leave_peer() {
  if (peer_ == nullptr) return;
  TcpSocket& peer = *std::exchange(peer_, nullptr);
  peer.peer_ = nullptr;
  // Its writers wait for room in the pipe, which may be full forever. Now they send by lwIP. The
  // reset that ends their wait is lost if lwIP has no memory for it.
  peer.writable().wake_all();
}

void TcpSocket::reset_by_bytes() {
  if (pcb_ != nullptr) end_connection(true);
  end_with(Errno::econnreset);
}

std::size_t TcpSocket::send_limit() const {
  return has_send_limit_ ? std::min<std::size_t>(options().send_buffer, TCP_SND_BUF) : TCP_SND_BUF;
}

std::size_t TcpSocket::receive_limit() const {
  return has_receive_limit_ ? std::min<std::size_t>(options().receive_buffer, TCP_WND) : TCP_WND;
}

void TcpSocket::set_limits() {
  if (peer_ == nullptr) return;
  constexpr std::size_t least = 2 * longest_whole_write;
  out_->set_limit(std::max(least, send_limit() + peer_->receive_limit()));
  in_->set_limit(std::max(least, peer_->send_limit() + receive_limit()));
}

std::size_t TcpSocket::unsent_of(std::size_t filled) const {
  return filled - std::min(filled, peer_->receive_limit());
}

bool TcpSocket::is_writable_to_peer(std::size_t filled) const {
  const std::size_t room = out_->capacity() - filled;
  return room >= whole_write() && room * 2 >= unsent_of(filled);
}

Result<std::size_t> TcpSocket::receive_joined(IoBuffer& to, const Incoming& message) {
  const bool discards = (message.flags & abi::msg_trunc) != 0;
  if (!discards && !message.peeks()) return in_->read(to);
  if (!discards) {
    const auto seen = in_->peek(0, to);
    in_->pass_wakes();
    return seen;
  }
  const std::size_t count = std::min(in_->filled(), to.left());
  to.skip(count);
  if (message.peeks()) {
    in_->pass_wakes();
  } else {
    in_->discard(count);
  }
  return count;
}

Result<std::size_t> TcpSocket::try_read(IoBuffer& buffer) {
  if (is_joined_ && in_->filled() > 0 && !waits_for_device()) [[likely]]
    return in_->read(buffer);
  return InetSocket::try_read(buffer);
}

Result<std::size_t> TcpSocket::try_write(IoBuffer& buffer) {
  if (can_write_to_peer()) [[likely]]
    return out_->write(buffer);
  return InetSocket::try_write(buffer);
}

Result<std::size_t> TcpSocket::read_sharing(const ReadBytes& to) {
  if (!is_joined_ || waits_for_device()) return fail(Errno::would_block);
  return in_->read_sharing(to);
}

Result<std::size_t> TcpSocket::write_sharing(const WrittenBytes& from) {
  if (!can_write_to_peer()) return fail(Errno::would_block);
  return out_->write_sharing(from);
}

bool TcpSocket::wait_sharing(std::coroutine_handle<> reader) {
  return may_wait_for_peer() && in_->wait_sharing(reader);
}

bool TcpSocket::watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) {
  return may_wait_for_peer() && in_->watch_sharing(watcher, reader, while_ready);
}

Result<short> TcpSocket::readiness_sharing() {
  if (!may_wait_for_peer() || !can_write_to_peer()) return fail(Errno::would_block);
  const bool can_read = in_->filled_sharing() > 0;
  const bool can_write = is_writable_to_peer(out_->filled_sharing());
  return static_cast<short>((can_read ? abi::pollin | abi::pollrdnorm : 0) |
                            (can_write ? abi::pollout | abi::pollwrnorm : 0));
}

// ── Connections ──

/// A port for a connection: a free one, or else one that only connections to other addresses use.
/// EADDRNOTAVAIL; ENOMEM.
Result<Ref<Binding>> TcpSocket::bind_to_connect(const ip_addr_t& source, const InetName& to) {
  auto made = ports_.bind({.ip = source, .port = 0}, terms());
  if (made) {
    (*made)->is_shared = true;
    return made;
  }
  if (made.error() != Errno::eaddrinuse) return made;
  Binding* const found = ports_.find_shared(source, [&](std::uint16_t port) {
    const Tuple tuple{.local = source, .remote = to.ip, .local_port = port, .remote_port = to.port};
    const InBucket bucket{tuple};
    const tcp_pcb* const old = find_connection(tuple);
    return old == nullptr || old->state == TIME_WAIT;
  });
  if (found == nullptr) return fail(Errno::eaddrnotavail);
  return Ref<Binding>::share(*found);
}

Result<> TcpSocket::start_connecting(const InetName& to) {
  const auto source = source_for(to.ip);
  if (!source) return fail(source.error());
  if (!binding_) {
    auto made = bind_to_connect(*source, to);
    if (!made) return fail(made.error());
    binding_ = std::move(*made);
  }
  const Tuple tuple{.local = *source,
                    .remote = to.ip,
                    .local_port = binding_->name().port,
                    .remote_port = to.port};
  // lwIP has no simultaneous open: such a connect would wait until it times out.
  if (tuple.local == tuple.remote && tuple.local_port == tuple.remote_port) {
    forget_names();
    return fail(Errno::econnrefused);
  }
  tcp_pcb* const pcb = tcp_new_ip_type(to.ip.type);
  if (pcb == nullptr) return fail(Errno::enobufs);
  pcb->local_ip = tuple.local;
  pcb->local_port = tuple.local_port;
  pcb->remote_ip = tuple.remote;
  pcb->remote_port = tuple.remote_port;
  tcp_ext_arg_set(pcb, binding_place, Ref<Binding>{binding_}.leak());
  attach(*pcb);
  Result<> done{};
  {
    const InBucket bucket{tuple};
    if (tcp_pcb* const old = find_connection(tuple); old != nullptr && old->state == TIME_WAIT)
      tcp_abort(old);
    err_t error = ERR_USE;
    if (find_connection(tuple) == nullptr) error = tcp_connect(pcb, &to.ip, to.port, &on_connected);
    if (error != ERR_OK) {
      forget_names();
      done = fail(error == ERR_USE   ? Errno::eaddrnotavail
                  : error == ERR_RTE ? Errno::enetunreach
                                     : Errno::enobufs);
      pcb_ = nullptr;
      tcp_ext_arg_set(pcb, socket_place, nullptr);
      tcp_err(pcb, nullptr);
      tcp_abort(pcb);
    } else {
      state_ = State::connecting;
      connect_is_over_ = false;
      error_ = 0;
      was_connected_ = has_end_ = false;
      shut_reads_ = shut_writes_ = false;
    }
  }
  deliver();
  return done;
}

Result<> TcpSocket::connect(SocketCaller&, const SocketAddress& address, Destination&) {
  if (address.length < sizeof(std::uint16_t)) return fail(Errno::einval);
  if (family_of(address) == abi::af_unspec) {
    end_listening();
    if (!is_over()) error_ = static_cast<int>(Errno::econnreset);
    if (pcb_ != nullptr) end_connection(true);
    leave_peer();
    drop_received();
    is_joined_ = peer_refuses_ = false;
    state_ = State::closed;
    connect_is_over_ = true;
    was_connected_ = has_end_ = shut_reads_ = shut_writes_ = false;
    forget_names();
    wake_all();
    return {};
  }
  if (state_ == State::listening) return fail(Errno::eisconn);
  if (connect_is_over_) {
    if (state_ == State::connected || was_connected_) return fail(Errno::eisconn);
    auto to = destination(address);
    if (!to) return fail(to.error());
    const bool is_multicast =
        ip_addr_ismulticast(&to->ip) ||
        (to->ip.type == IPADDR_TYPE_V4 && ip_addr_get_ip4_u32(&to->ip) == IPADDR_BROADCAST);
    if (is_multicast) return fail(Errno::enetunreach);
    if (auto started = start_connecting(*to); !started) return started;
    if (is_nonblocking()) return fail(Errno::einprogress);
  } else if (state_ == State::connecting && is_nonblocking()) {
    return fail(Errno::ealready);
  }
  if (state_ == State::connecting) return fail(Errno::would_block);
  connect_is_over_ = true;
  if (state_ == State::connected) return {};
  const int error = take_error();
  return fail(error != 0 ? static_cast<Errno>(error) : Errno::econnaborted);
}

Result<> TcpSocket::listen(unsigned backlog, abi::Credentials) {
  if (state_ == State::listening) {
    backlog_ = backlog;
    return {};
  }
  if (state_ != State::closed || was_connected_) return fail(Errno::einval);
  if (auto bound = bind_to_any(); !bound) return bound;
  Binding& binding = *binding_;
  // An accepted socket has the binding of the socket that listens.
  if (binding.is_listening || !ports_.may_listen(binding)) return fail(Errno::eaddrinuse);
  static constexpr tcp_ext_arg_callbacks of_listener{.destroy = nullptr,
                                                     .passive_open = &on_passive_open};
  tcp_pcb_listen& listener = binding.listener;
  listener = {};
  listener.callback_arg = &binding;
  listener.local_ip = binding.name().ip;
  listener.local_port = binding.name().port;
  listener.state = LISTEN;
  listener.prio = TCP_PRIO_NORMAL;
  listener.ttl = ttl_;
  listener.tos = tos_;
  listener.accept = &on_accept;
  listener.ext_args[binding_place].callbacks = &of_listener;
  binding.owner = this;
  binding.is_listening = true;
  backlog_ = backlog;
  state_ = State::listening;
  return {};
}

void TcpSocket::end_listening() {
  if (state_ != State::listening) return;
  state_ = State::closed;
  binding_->is_listening = false;
  while (!waiting_.empty()) {
    TcpSocket& child = waiting_.front();
    waiting_.remove(child);
    --waiting_count_;
    if (child.pcb_ != nullptr) child.end_connection(true);
    (void)Ref<TcpSocket>::adopt(&child);
  }
}

Result<Ref<Socket>> TcpSocket::accept(int flags) {
  if (state_ != State::listening) return fail(Errno::einval);
  if (waiting_.empty()) return fail(Errno::would_block);
  TcpSocket& child = waiting_.front();
  waiting_.remove(child);
  --waiting_count_;
  child.set_status_flags(flags);
  if (waiting_count_ > 0) readable().pass_wake();
  return Ref<Socket>::adopt(&child);
}

Result<> TcpSocket::shutdown(int how) {
  const bool reads = how != abi::shut_wr, writes = how != abi::shut_rd;
  switch (state_) {
    case State::closed: return fail(Errno::enotconn);
    case State::listening:
      if (!reads) return {};
      end_listening();
      break;
    case State::connecting:
      if (pcb_ != nullptr) end_connection(true);
      state_ = State::closed;
      forget_names();
      error_ = static_cast<int>(Errno::econnreset);
      break;
    case State::connected:
      if (is_over()) return fail(Errno::enotconn);
      shut_reads_ |= reads;
      if (writes && !std::exchange(shut_writes_, true) && pcb_ != nullptr) {
        tcp_pcb& pcb = *pcb_;
        in_bucket_of(pcb, [&] { (void)tcp_shutdown(&pcb, 0, 1); });
      }
      if (peer_ != nullptr) peer_->peer_refuses_ = shut_reads_ && shut_writes_;
      break;
  }
  wake_all();
  return {};
}

Result<SocketAddress> TcpSocket::peer_name() const {
  if (state_ != State::connected || is_over()) return fail(Errno::enotconn);
  return shown_address(remote_, kind().domain);
}

// ── Bytes ──

std::size_t TcpSocket::room() const {
  if (pcb_ == nullptr) return 0;
  if (tcp_sndqueuelen(pcb_) >= TCP_SND_QUEUELEN - 8) return 0;
  const std::size_t free = pcb_->snd_buf;
  if (!has_send_limit_) return free;
  const std::size_t limit = std::min<std::size_t>(options().send_buffer, TCP_SND_BUF);
  const std::size_t queued = queued_bytes(*pcb_);
  return std::min(free, limit - std::min(limit, queued));
}

/// As Linux, a socket is writable if a third of its buffer is free.
bool TcpSocket::is_writable() const {
  if (peer_ != nullptr) return is_writable_to_peer(out_->filled());
  return pcb_ != nullptr && room() >= whole_write() && room() * 2 >= queued_bytes(*pcb_);
}

Result<std::size_t> TcpSocket::send(IoBuffer& from, Outgoing& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::enotsup);
  if (error_ != 0) return fail(static_cast<Errno>(take_error()));
  if (state_ == State::connecting) return fail(Errno::would_block);
  if (state_ != State::connected || shut_writes_ || pcb_ == nullptr) return fail(Errno::epipe);
  if (from.empty()) return 0;
  if (peer_refuses_ && peer_ != nullptr) {
    const std::size_t count = from.left();
    peer_->reset_by_bytes();
    from.skip(count);
    return count;
  }
  if (peer_ != nullptr) return out_->write(from);
  const bool waits = !is_nonblocking() && (message.flags & abi::msg_dontwait) == 0;
  const std::size_t free = room();
  if (free == 0 || (waits && from.left() <= whole_write() && free < from.left())) {
    lacks_room_ = true;
    return fail(Errno::would_block);
  }
  if (from.must_page_in(IoBuffer::Direction::take)) return fail(Errno::would_block);
  const bool has_more = is_corked_ || (message.flags & abi::msg_more) != 0;
  std::size_t done = 0;
  Result<> failed{};
  while (done < free && !from.empty()) {
    const auto piece = from.next_piece(std::min({free - done, step_piece, from.left()}),
                                       IoBuffer::Direction::take);
    if (!piece) {
      failed = fail(piece.error());
      break;
    }
    const u8_t flags =
        TCP_WRITE_FLAG_COPY | (has_more || from.left() > piece->size() ? TCP_WRITE_FLAG_MORE : 0);
    const err_t written = tcp_write(pcb_, piece->data(), static_cast<u16_t>(piece->size()), flags);
    if (written != ERR_OK) {
      failed = fail(done == 0 && queued_bytes(*pcb_) == 0 ? Errno::enobufs : Errno::would_block);
      break;
    }
    from.skip(piece->size());
    done += piece->size();
  }
  if (done > 0 && !has_more) {
    (void)tcp_output(pcb_);
    deliver();
  }
  if (pcb_ != nullptr) note_timers(*pcb_);
  note_activity();
  if (done > 0) return done;
  if (failed.error() == Errno::would_block) lacks_room_ = true;
  return fail(failed.error());
}

Result<std::size_t> TcpSocket::receive(IoBuffer& to, Incoming& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::einval);
  if ((message.flags & abi::msg_errqueue) != 0) return fail(Errno::eagain);
  if (state_ == State::listening) return fail(Errno::enotconn);
  if (state_ == State::closed && !was_connected_) {
    if (error_ != 0) return fail(static_cast<Errno>(take_error()));
    return fail(Errno::enotconn);
  }
  const bool is_empty = next_size() == 0;
  if (to.empty() && !(is_empty && error_ == 0)) return 0;
  if (is_empty) {
    if (error_ != 0) return fail(static_cast<Errno>(take_error()));
    if (has_end_ || shut_reads_ || state_ == State::closed) return 0;
    return fail(Errno::would_block);
  }
  if (is_joined_) return receive_joined(to, message);
  const bool discards = (message.flags & abi::msg_trunc) != 0;
  if (!discards && to.must_page_in(IoBuffer::Direction::put)) {
    readable().pass_wake();
    return fail(Errno::would_block);
  }
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  if (message.peeks()) {
    for (const pbuf* piece = first_; piece != nullptr && !to.empty(); piece = piece->next) {
      moved = take_piece(to, *piece, discards);
      if (!moved) break;
      done += *moved;
      if (*moved < piece->len) break;
    }
  } else {
    while (first_ != nullptr && !to.empty()) {
      pbuf* const piece = first_;
      moved = take_piece(to, *piece, discards);
      if (!moved) break;
      done += *moved;
      if (*moved < piece->len) {
        pbuf_remove_header(piece, *moved);
        if (*moved == 0) break;
        continue;
      }
      first_ = piece->next;
      if (first_ == nullptr) {
        last_ = nullptr;
        room_in_last_ = 0;
      }
      piece->next = nullptr;
      pbuf_free(piece);
    }
    received_ -= done;
    acknowledge(done);
  }
  if (received_ > 0) readable().pass_wake();
  if (done == 0 && !moved) return moved;
  return done;
}

bool TcpSocket::has_bytes(std::size_t count) {
  return next_size() >= count || has_end_ || shut_reads_ || state_ != State::connected ||
         error_ != 0;
}

/// Opens lwIP's window by `count` bytes.
void TcpSocket::acknowledge(std::size_t count) {
  if (pcb_ == nullptr || count == 0) return;
  while (count > 0) {
    const auto part = static_cast<u16_t>(std::min<std::size_t>(count, 0xffff));
    tcp_recved(pcb_, part);
    count -= part;
  }
  note_timers(*pcb_);
  deliver();
}

short TcpSocket::readiness() {
  if (state_ == State::listening) return waiting_count_ > 0 ? abi::pollin | abi::pollrdnorm : 0;
  short ready = error_ != 0 ? abi::pollerr : 0;
  const bool is_closed = is_over();
  const bool ends_reads = has_end_ || shut_reads_ || (is_closed && was_connected_);
  const bool ends_writes = shut_writes_ || (is_closed && was_connected_);
  const bool failed = is_closed && !was_connected_ && !connect_is_over_;
  if ((ends_reads && ends_writes) || is_closed) ready |= abi::pollhup;
  if (ends_reads || failed) ready |= abi::pollin | abi::pollrdnorm | abi::pollrdhup;
  if (state_ == State::connecting) return ready;
  const std::size_t received = next_size();
  if (received > 0 && received >= std::min<std::size_t>(options().low_water, 0xffff))
    ready |= abi::pollin | abi::pollrdnorm;
  if (is_closed || ends_writes || is_writable()) {
    ready |= abi::pollout | abi::pollwrnorm;
  } else {
    lacks_room_ = true;
  }
  return ready;
}

// ── Options ──

void TcpSocket::options_changed() {
  has_send_limit_ |= options().send_buffer != usual_send_buffer;
  has_receive_limit_ |= options().receive_buffer != usual_receive_buffer;
  set_limits();
  InetSocket::options_changed();
}

void TcpSocket::apply_options() {
  if (pcb_ == nullptr) return;
  if (has_option(abi::so_keepalive)) {
    ip_set_option(pcb_, SOF_KEEPALIVE);
  } else {
    ip_reset_option(pcb_, SOF_KEEPALIVE);
  }
  pcb_->keep_idle = static_cast<u32_t>(keep_idle_) * 1000;
  pcb_->keep_intvl = static_cast<u32_t>(keep_interval_) * 1000;
  pcb_->keep_cnt = static_cast<u32_t>(keep_count_);
  pcb_->ttl = ttl_;
  pcb_->tos = tos_;
  // Small segments cost a connection of this machine nothing, so it does not wait for
  // acknowledgements.
  if (is_nodelay_ || is_local(pcb_->remote_ip)) {
    tcp_nagle_disable(pcb_);
  } else {
    tcp_nagle_enable(pcb_);
  }
  note_timers(*pcb_);
  note_activity();
}

std::size_t TcpSocket::unacknowledged_bytes() {
  if (peer_ != nullptr) return unsent_of(out_->filled());
  return pcb_ != nullptr ? queued_bytes(*pcb_) : 0;
}

Result<> TcpSocket::set_tcp_option(int option, int value) {
  const auto set = [&](int& to, int least, int most) -> Result<> {
    if (value < least || value > most) return fail(Errno::einval);
    to = value;
    apply_options();
    return {};
  };
  switch (option) {
    case abi::tcp_nodelay:
      is_nodelay_ = value != 0;
      apply_options();
      if (is_nodelay_ && pcb_ != nullptr) {
        (void)tcp_output(pcb_);
        deliver();
      }
      return {};
    case abi::tcp_cork:
      is_corked_ = value != 0;
      if (!is_corked_ && pcb_ != nullptr) {
        (void)tcp_output(pcb_);
        deliver();
      }
      return {};
    case abi::tcp_maxseg: return set(max_segment_, 88, 32'767);
    case abi::tcp_keepidle: return set(keep_idle_, 1, 32'767);
    case abi::tcp_keepintvl: return set(keep_interval_, 1, 32'767);
    case abi::tcp_keepcnt: return set(keep_count_, 1, 127);
    case abi::tcp_syncnt: return set(syn_count_, 1, 127);
    case abi::tcp_linger2: linger2_ = value; return {};
    case abi::tcp_defer_accept: defer_accept_ = std::max(value, 0); return {};
    case abi::tcp_quickack: return {};
    case abi::tcp_user_timeout: return set(user_timeout_, 0, 0x7fff'ffff);
    case abi::tcp_notsent_lowat: return {};
    default: return fail(Errno::enoprotoopt);
  }
}

Result<int> TcpSocket::tcp_option(int option) {
  switch (option) {
    case abi::tcp_nodelay: return is_nodelay_;
    case abi::tcp_cork: return is_corked_;
    case abi::tcp_maxseg:
      return pcb_ != nullptr ? tcp_mss(pcb_) : max_segment_ != 0 ? max_segment_ : 536;
    case abi::tcp_keepidle: return keep_idle_;
    case abi::tcp_keepintvl: return keep_interval_;
    case abi::tcp_keepcnt: return keep_count_;
    case abi::tcp_syncnt: return syn_count_;
    case abi::tcp_linger2: return linger2_;
    case abi::tcp_defer_accept: return defer_accept_;
    case abi::tcp_quickack: return 1;
    case abi::tcp_user_timeout: return user_timeout_;
    default: return fail(Errno::enoprotoopt);
  }
}

std::optional<abi::TcpInfo> TcpSocket::tcp_info() {
  abi::TcpInfo info{};
  info.state = state_ == State::listening ? 10 : 7;
  if (pcb_ == nullptr) return info;
  info.state = linux_state(*pcb_);
  info.retransmits = pcb_->nrtx;
  info.send_mss = info.receive_mss = info.advertised_mss = tcp_mss(pcb_);
  info.send_window = static_cast<std::uint32_t>(pcb_->cwnd / std::max<unsigned>(tcp_mss(pcb_), 1));
  info.send_threshold = pcb_->ssthresh;
  constexpr std::uint32_t tick_us = TCP_SLOW_INTERVAL * 1000;
  info.retransmit_timeout = static_cast<std::uint32_t>(std::max<int>(pcb_->rto, 0)) * tick_us;
  info.path_mtu = 65'535;
  return info;
}

}  // namespace kernel::net
