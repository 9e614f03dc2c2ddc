#include "files/unix_endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <utility>

#include "files/directory.h"
#include "memory/frames.h"

namespace kernel {
namespace {

abi::Credentials sender_of(const Outgoing& message) {
  return message.credentials ? *message.credentials : socket_caller();
}
bool same_credentials(const abi::Credentials& a, const abi::Credentials& b) {
  return a.pid == b.pid && a.uid == b.uid && a.gid == b.gid;
}

/// The sockets with abstract names. No path leads to it.
Directory& abstract_names() {
  static constinit Directory* names = nullptr;
  if (names == nullptr) names = make_ref<Directory>(Directory::Contents::writable).leak();
  return *names;
}

/// The name of a socket as bytes: the path without the zero at its end, or an abstract name.
std::string_view abstract_name(const SocketAddress& address) {
  constexpr std::size_t start = UnixEndpoint::path_offset + 1;
  return {reinterpret_cast<const char*>(address.bytes.data()) + start, address.length - start};
}

}  // namespace

// ── Streams ──

void UnixStream::end() {
  if (has_ended()) return;
  pipe_.end_writing();
  pipe_.end_reading();
}

Result<std::size_t> UnixStream::write(IoBuffer& from, Outgoing& message, bool marks_sender) {
  const abi::Credentials sender = marks_sender ? sender_of(message) : unknown_sender;
  const bool is_other = !same_credentials(sender, last_sender_);
  if (!message.files && !is_other) [[likely]]
    return pipe_.write(from);
  if (!memory::can_allocate(sizeof(Mark))) return fail(Errno::enobufs);
  const std::size_t start = pipe_.write_position();
  auto moved = pipe_.write(from);
  if (!moved || *moved == 0) return moved;
  auto* const mark =
      new Mark{{}, start, start + *moved, std::move(message.files), sender, is_other};
  if (mark->files) mark->files->depart();
  marks_.push_back(*mark);
  last_sender_ = sender;
  return moved;
}

Result<std::size_t> UnixStream::read(IoBuffer& to, Incoming& message, bool takes_credentials) {
  const std::size_t start = pipe_.read_position();
  std::size_t most = to.left();
  Mark* carrier = nullptr;
  abi::Credentials sender = reader_sees_;
  for (Mark& mark : marks_) {
    const std::size_t offset = mark.start - std::min(start, mark.start);
    if (offset >= most) break;
    if (mark.has_sender) {
      if (offset == 0) sender = mark.sender;
      if (offset > 0 && takes_credentials) {
        most = offset;
        break;
      }
    }
    if (mark.files) {
      most = std::min(most, mark.end - start);
      carrier = &mark;
      break;
    }
  }
  if (to.must_page_in(IoBuffer::Direction::put)) return fail(Errno::would_block);
  PassedFilesPtr copied;
  if (carrier != nullptr && message.peeks()) {
    auto copy = carrier->files->copy();
    if (!copy) return fail(copy.error());
    copied = std::move(*copy);
  }
  IoBuffer part = to.first(most);
  const auto moved = message.peeks() ? pipe_.peek(0, part) : pipe_.read(part);
  if (!moved || *moved == 0) return moved;
  to.skip(*moved);
  if (takes_credentials) message.credentials = sender;
  if (message.peeks()) {
    pipe_.pass_wakes();
    if (carrier != nullptr && carrier->start < start + *moved) message.files = std::move(copied);
    return moved;
  }
  while (!marks_.empty() && marks_.front().start < start + *moved) {
    if (marks_.front().files) {
      message.files = std::move(marks_.front().files);
      message.files->arrive();
    }
    drop_first_mark();
  }
  return moved;
}

void UnixStream::drop_first_mark() {
  Mark& mark = marks_.front();
  if (mark.has_sender) reader_sees_ = mark.sender;
  marks_.remove(mark);
  delete &mark;
}

void UnixStream::drop_marks() {
  while (!marks_.empty()) drop_first_mark();
}

void UnixStream::visit(PassedSocket::Visitor& visitor) {
  for (Mark& mark : marks_)
    if (mark.files) visitor.visit(mark.files);
}

// ── Messages ──

template <class Each>
void UnixMessage::each_piece(Each each) {
  if (!is_in_frames()) {
    each(std::span{bytes(), size_});
    return;
  }
  for (std::size_t done = 0; done < size_; done += hal::page_size) {
    std::byte* const page = frames()[done / hal::page_size].bytes();
    if (!each(std::span{page, std::min(size_ - done, hal::page_size)})) return;
  }
}

Result<std::unique_ptr<UnixMessage>> UnixMessage::make(Ref<UnixEndpoint> sender, IoBuffer& from) {
  const std::size_t size = from.left();
  const std::size_t frame_count =
      size > most_behind ? (size + hal::page_size - 1) / hal::page_size : 0;
  const std::size_t behind = frame_count == 0 ? size : frame_count * sizeof(memory::Frame);
  if (!memory::can_allocate(sizeof(UnixMessage) + behind)) return fail(Errno::enobufs);
  if (from.must_page_in(IoBuffer::Direction::take)) return fail(Errno::would_block);
  std::unique_ptr<UnixMessage> message{new (behind) UnixMessage{std::move(sender), size}};
  for (; message->frames_made_ < frame_count; ++message->frames_made_) {
    auto* const frame = new (&message->frames()[message->frames_made_])
        memory::Frame{memory::Frame::allocate(memory::Use::user)};
    if (!*frame) {
      ++message->frames_made_;
      return fail(Errno::enobufs);
    }
  }
  Result<std::size_t> taken = size;
  if (size > 0) {
    message->each_piece([&](std::span<std::byte> piece) {
      taken = from.take_all(piece);
      return taken.has_value();
    });
  }
  if (!taken) return fail(taken.error());
  return message;
}

UnixMessage::~UnixMessage() {
  for (std::size_t i = 0; i < frames_made_; ++i) frames()[i].~Frame();
}

Result<std::size_t> UnixMessage::put(IoBuffer& to) const {
  const std::size_t wanted = std::min(size_, to.left());
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  const_cast<UnixMessage*>(this)->each_piece([&](std::span<std::byte> piece) {
    if (done == wanted) return false;
    moved = to.put(piece.first(std::min(piece.size(), wanted - done)));
    if (moved) done += *moved;
    return moved.has_value() && *moved > 0;
  });
  if (!moved) return moved;
  return done == wanted ? Result<std::size_t>{done} : fail(Errno::efault);
}

// ── Names ──

Result<Ref<File>> SocketNode::open(int flags) {
  if ((flags & abi::o_path) == 0) return fail(Errno::enxio);
  return open_path(flags);
}

UnixEndpoint::UnixEndpoint(int type) : type_{type} {
  if (!is_stream()) return;
  in_ = make_ref<UnixStream>();
  out_ = make_ref<UnixStream>();
}

std::size_t UnixEndpoint::bytes_for(int type) {
  const std::size_t streams = type == abi::sock_stream ? 2 * sizeof(UnixStream) : 0;
  return sizeof(UnixEndpoint) + streams;
}

Result<> UnixEndpoint::bind(const SocketAddress& name, Ref<SocketNode> node) {
  if (name_.length != 0) return fail(Errno::einval);
  name_ = name;
  node->endpoint_ = this;
  node_ = std::move(node);
  return {};
}

UnixEndpoint* UnixEndpoint::find_abstract(const SocketAddress& name) {
  Node* const node = abstract_names().find(abstract_name(name));
  return node != nullptr ? static_cast<SocketNode*>(node)->endpoint() : nullptr;
}

Result<> UnixEndpoint::bind_abstract(const SocketAddress& name) {
  if (name_.length != 0) return fail(Errno::einval);
  const std::string_view bytes = abstract_name(name);
  if (abstract_names().find(bytes) != nullptr) return fail(Errno::eaddrinuse);
  if (!memory::can_allocate(sizeof(SocketNode) + Directory::entry_bytes + bytes.size()))
    return fail(Errno::enomem);
  auto node = make_ref<SocketNode>(0777);
  if (auto added = abstract_names().add(bytes, node); !added) return added;
  return bind(name, std::move(node));
}

Result<> UnixEndpoint::bind_to_any() {
  static constinit std::uint32_t last = 0;
  constexpr std::uint32_t numbers = 1u << 20;  // five hexadecimal digits
  if (name_.length != 0) return {};
  for (std::uint32_t tried = 0; tried < numbers; ++tried) {
    last = (last + 1) % numbers;
    SocketAddress address;
    std::array<char, 6> text{};
    fmt::format_to_n(text.data() + 1, 5, "{:05x}", last);
    const abi::UnixAddress family{.family = abi::af_unix, .path = {}};
    std::memcpy(address.bytes.data(), &family, sizeof family.family);
    std::memcpy(address.bytes.data() + sizeof family.family, text.data(), text.size());
    address.length = sizeof family.family + text.size();
    auto bound = bind_abstract(address);
    if (bound || bound.error() != Errno::eaddrinuse) return bound;
  }
  return fail(Errno::enospc);
}

// ── Connections ──

void UnixEndpoint::connect_pair(UnixEndpoint& a, UnixEndpoint& b, abi::Credentials creator) {
  if (a.is_stream()) {
    b.in_ = a.out_;
    b.out_ = a.in_;
  }
  a.peer_ = Ref<UnixEndpoint>::share(b);
  b.peer_ = Ref<UnixEndpoint>::share(a);
  a.state_ = b.state_ = State::connected;
  a.peer_credentials_ = b.peer_credentials_ = creator;
}

Result<> UnixEndpoint::listen(unsigned backlog, abi::Credentials self) {
  if (type_ == abi::sock_dgram) return fail(Errno::enotsup);
  if (name_.length == 0 || state_ == State::connected) return fail(Errno::einval);
  const bool is_larger = backlog > backlog_;
  backlog_ = backlog;
  state_ = State::listening;
  peer_credentials_ = self;  // which its clients see
  if (is_larger) room_.wake_all();
  return {};
}

Result<> UnixEndpoint::connect(UnixEndpoint& listener, abi::Credentials self) {
  if (listener.state_ != State::listening || listener.is_shut_to_read() || listener.is_dead_)
    return fail(Errno::econnrefused);
  if (listener.is_full()) return fail(Errno::would_block);
  if (state_ == State::connected) return fail(Errno::eisconn);
  if (state_ == State::listening) return fail(Errno::einval);
  if (!memory::can_allocate(bytes_for(type_))) return fail(Errno::enomem);
  auto other = make_ref<UnixEndpoint>(type_);
  connect_pair(*this, *other, self);
  other->name_ = listener.name_;
  other->is_unaccepted_ = true;
  peer_credentials_ = listener.peer_credentials_;
  UnixEndpoint* const added = other.leak();
  (listener.waiting_ == 0 ? listener.first_waiting_ : listener.last_waiting_->next_waiting_) =
      added;
  listener.last_waiting_ = added;
  ++listener.waiting_;
  listener.readable().wake_one();
  return {};
}

Ref<UnixEndpoint> UnixEndpoint::take_connection() {
  if (waiting_ == 0) return nullptr;
  auto first = Ref<UnixEndpoint>::adopt(first_waiting_);
  first_waiting_ = std::exchange(first->next_waiting_, nullptr);
  --waiting_;
  first->is_unaccepted_ = false;
  if (!is_full()) room_.wake_one();
  if (waiting_ > 0) readable().pass_wake();
  return first;
}

void UnixEndpoint::disconnect_datagrams() {
  end_relay();
  const Ref<UnixEndpoint> old = std::move(peer_);
  state_ = State::unconnected;
  if (!old) return;
  writable_.wake_all();
  if (queued_ == 0) return;
  drop_messages();
  if (old->is_dead_ || old->peer_.get() != this) return;
  old->error_ = static_cast<int>(Errno::econnreset);
  old->wake_all();
}

Result<> UnixEndpoint::connect_datagrams(UnixEndpoint* peer) {
  if (peer != nullptr && peer->peer_ && peer->peer_.get() != this) return fail(Errno::eperm);
  if (peer_.get() != peer) disconnect_datagrams();
  if (peer == nullptr) return {};
  peer_ = Ref<UnixEndpoint>::share(*peer);
  state_ = State::connected;
  return {};
}

void UnixEndpoint::wake_all() {
  readable_.wake_all();
  writable_.wake_all();
}

void UnixEndpoint::shut(bool reads, bool writes) {
  if (is_stream()) {
    if (reads) in_->end();
    if (writes) out_->end();
    if (reads) room_.wake_all();
    return;
  }
  shut_reads_ |= reads;
  shut_writes_ |= writes;
  wake_all();
  room_.wake_all();
  if (type_ == abi::sock_dgram || !peer_) return;
  peer_->shut_reads_ |= writes;
  peer_->shut_writes_ |= reads;
  peer_->wake_all();
}

void UnixEndpoint::end() {
  async::Strand::check_access();
  is_dead_ = true;
  if (node_) {
    node_->endpoint_ = nullptr;
    if (name_.bytes[sizeof(std::uint16_t)] == std::byte{0})
      (void)abstract_names().remove(abstract_name(name_), *node_);
    node_ = nullptr;
  }
  while (const auto waiting = take_connection()) {
    waiting->is_unaccepted_ = true;
    waiting->end();
  }
  const bool loses_bytes = next_size() > 0 || queued_ > 0 || is_unaccepted_;
  if (type_ != abi::sock_dgram && peer_) {
    if (loses_bytes) peer_->error_ = static_cast<int>(Errno::econnreset);
    shut(true, true);
  }
  if (is_stream()) in_->drop_marks();
  drop_messages();
  note_room();
  room_.wake_all();
  end_relay();
  peer_ = nullptr;
}

// ── Bytes and messages ──

Result<std::size_t> UnixEndpoint::read_stream(IoBuffer& to, Incoming& message) {
  if (state_ != State::connected) return fail(Errno::einval);
  if (to.empty()) return 0;
  const auto moved = in_->read(to, message, passes_credentials_);
  if (moved && *moved == 0 && error_ != 0) return fail(static_cast<Errno>(take_error()));
  if (moved && peer_) message.from = peer_->name_;
  return moved;
}

Result<std::size_t> UnixEndpoint::write_stream(IoBuffer& from, Outgoing& message) {
  if (state_ != State::connected) return fail(Errno::enotconn);
  if (out_->has_ended()) return fail(Errno::epipe);
  if (from.empty()) return 0;
  return out_->write(from, message, notes_senders());
}

Result<std::size_t> UnixEndpoint::send_message(IoBuffer& from, Outgoing& message) {
  const bool is_datagram = type_ == abi::sock_dgram;
  if (!is_datagram && error_ != 0) return fail(static_cast<Errno>(take_error()));
  if (!is_datagram && state_ != State::connected) return fail(Errno::enotconn);
  const bool is_to_peer = !message.to.endpoint || !is_datagram;
  if (is_to_peer && !peer_) return fail(Errno::enotconn);
  const Ref<UnixEndpoint> to = is_to_peer ? peer_ : message.to.endpoint;
  const std::size_t size = from.left();
  if (size > send_limit_ - 32) return fail(Errno::emsgsize);
  if (error_ != 0) return fail(static_cast<Errno>(take_error()));
  if (is_shut_to_write()) return fail(Errno::epipe);
  if (sent_bytes_ >= send_limit_) return fail(Errno::would_block);
  if (to->peer_ && to->peer_.get() != this) return fail(Errno::eperm);
  if (to->is_dead_) {
    if (!is_datagram) return fail(Errno::epipe);
    if (to.get() == peer_.get()) disconnect_datagrams();
    return fail(Errno::econnrefused);
  }
  if (to->shut_reads_) return fail(Errno::epipe);
  if (to->is_full_for(*this)) {
    if (is_to_peer) wait_for_relay(*to);
    return fail(Errno::would_block);
  }
  auto made = UnixMessage::make(Ref<UnixEndpoint>::share(*this), from);
  if (!made) return fail(made.error());
  UnixMessage& added = **made;
  const bool marks_sender = passes_credentials_ || to->passes_credentials_ || to->is_unaccepted_;
  added.credentials = marks_sender ? sender_of(message) : UnixStream::unknown_sender;
  added.files = std::move(message.files);
  if (added.files) added.files->depart();
  sent_bytes_ += UnixMessage::cost(size);
  to->queue_.push_back(*made->release());
  ++to->queued_;
  to->readable_.wake_one();
  return size;
}

Result<std::size_t> UnixEndpoint::receive_message(IoBuffer& to, Incoming& message) {
  const bool is_datagram = type_ == abi::sock_dgram;
  if (!is_datagram && state_ != State::connected) return fail(Errno::enotconn);
  if (error_ != 0) {
    if (queued_ > 0) readable_.pass_wake();
    return fail(static_cast<Errno>(take_error()));
  }
  if (queued_ == 0) {
    const bool never_waits = (message.flags & abi::msg_dontwait) != 0;
    if (shut_reads_ && (!is_datagram || !never_waits)) return 0;
    return fail(Errno::would_block);
  }
  if (to.must_page_in(IoBuffer::Direction::put)) {
    readable_.pass_wake();
    return fail(Errno::would_block);
  }
  UnixMessage& first = queue_.front();
  const std::size_t size = first.size();
  if (to.left() < size) message.message_flags |= abi::msg_trunc;
  if (passes_credentials_) message.credentials = first.credentials;
  message.from = first.sender().name_;
  const auto moved = first.put(to);
  if (message.peeks()) {
    readable_.pass_wake();
    if (moved && first.files) {
      auto copy = first.files->copy();
      if (!copy) return fail(copy.error());
      message.files = std::move(*copy);
    }
  } else {
    auto taken = take_message();
    if (queued_ > 0) readable_.pass_wake();
    message.files = std::move(taken->files);
    if (message.files) message.files->arrive();
  }
  if (!moved) return moved;
  return (message.flags & abi::msg_trunc) != 0 ? size : *moved;
}

std::unique_ptr<UnixMessage> UnixEndpoint::take_message() {
  UnixMessage& first = queue_.front();
  queue_.remove(first);
  --queued_;
  UnixEndpoint& sender = first.sender();
  sender.sent_bytes_ -= UnixMessage::cost(first.size());
  if (sender.sent_bytes_ < sender.send_limit_) sender.writable_.wake_all();
  if (queued_ <= most_datagrams) note_room();
  return std::unique_ptr<UnixMessage>{&first};
}

void UnixEndpoint::drop_messages() {
  while (queued_ > 0) take_message();
}

std::size_t UnixEndpoint::next_size() {
  if (is_stream()) return in_->pipe().filled();
  return queued_ > 0 ? queue_.front().size() : 0;
}

void UnixEndpoint::note_room() {
  room_.wake_one();
  while (!relays_.empty()) {
    auto& relay = static_cast<UnixEndpoint&>(relays_.front());
    relays_.remove(relay);
    relay.relay_of_ = nullptr;
    relay.writable_.wake_all();
  }
}

void UnixEndpoint::wait_for_relay(UnixEndpoint& peer) {
  if (relay_of_ == &peer) return;
  end_relay();
  peer.relays_.push_back(*this);
  relay_of_ = &peer;
}

void UnixEndpoint::end_relay() {
  if (relay_of_ != nullptr) std::exchange(relay_of_, nullptr)->relays_.remove(*this);
}

short UnixEndpoint::readiness() {
  short ready = 0;
  if (error_ != 0) ready |= abi::pollerr;
  const bool shut_reads = is_shut_to_read(), shut_writes = is_shut_to_write();
  if (shut_reads && shut_writes) ready |= abi::pollhup;
  if (shut_reads) ready |= abi::pollrdhup | abi::pollin | abi::pollrdnorm;
  if (waiting_ > 0 || queued_ > 0 || next_size() > 0) ready |= abi::pollin | abi::pollrdnorm;
  if (type_ != abi::sock_dgram && state_ == State::unconnected) ready |= abi::pollhup;
  bool can_write = state_ != State::listening;
  if (is_stream()) {
    can_write = can_write && out_->pipe().can_write();
  } else {
    can_write = can_write && sent_bytes_ * 4 <= send_limit_;
    if (can_write && peer_ && peer_->is_full_for(*this)) {
      wait_for_relay(*peer_);
      can_write = false;
    }
  }
  if (can_write) ready |= abi::pollout | abi::pollwrnorm | abi::pollwrband;
  return ready;
}

void UnixEndpoint::visit_queues(PassedSocket::Visitor& visitor) {
  if (is_stream()) in_->visit(visitor);
  for (UnixMessage& message : queue_)
    if (message.files) visitor.visit(message.files);
  for (UnixEndpoint* waiting = waiting_ > 0 ? first_waiting_ : nullptr; waiting != nullptr;
       waiting = waiting->next_waiting_)
    waiting->visit_queues(visitor);
}

}  // namespace kernel
