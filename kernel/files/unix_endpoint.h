// AF_UNIX sockets: stream, datagram and seqpacket (unix(7)).
//
//   UnixSocket ──▶ UnixEndpoint ◀──▶ UnixEndpoint ◀── UnixSocket      ──▶ owns a reference
//                    │  in_ ▲           ▲ in_  │
//                    │      └─ UnixStream ─────┘ out_
//                    └ out_ ── UnixStream
//
// A UnixSocket is the open file. Its endpoint may outlive it, because its peer and messages refer
// to it. The end of the file ends the endpoint's connection.
//
// A stream socket has a UnixStream for each direction: a pipe's ring of bytes, and marks where
// bytes have files or credentials. A connection makes the out_ of one endpoint the in_ of the
// other. So the lists in which a socket's readers and writers wait never change. Datagram and
// seqpacket sockets have a queue of messages (UnixMessage) instead. As on Linux a message
// counts for the SO_SNDBUF of its sender until it is received.
//
// Strand data, but for reads and writes of a stream without marks, which may share the strand as
// those of a pipe.
#pragma once

#include <async/wait_list.h>
#include <kernel/list.h>
#include <kernel/ref.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "files/node.h"
#include "files/pipe.h"
#include "files/socket.h"

namespace kernel {

class UnixEndpoint;

/// The bytes of one direction of a connection.
class UnixStream : public RefCounted<UnixStream> {
 public:
  Pipe& pipe() { return pipe_; }
  /// Neither side uses the direction any more: reads find the end behind the bytes, and writes fail
  /// with EPIPE.
  void end();
  bool has_ended() const { return !pipe_.has_writers(); }

  bool has_marks() const { return !marks_.empty(); }
  Result<std::size_t> write(IoBuffer& from, Outgoing& message, bool marks_sender);
  /// `takes_credentials`: the reader has SO_PASSCRED.
  Result<std::size_t> read(IoBuffer& to, Incoming& message, bool takes_credentials);
  void visit(PassedSocket::Visitor& visitor);
  void drop_marks();
  ~UnixStream() { drop_marks(); }

 private:
  /// Where bytes begin that have files, or another sender than those before.
  struct Mark : ListNode<> {
    std::size_t start;  // in positions of the pipe
    std::size_t end;    // of the bytes that were sent with the files
    PassedFilesPtr files;
    abi::Credentials sender;
    bool has_sender;
  };

  void drop_first_mark();

  Pipe pipe_;
  List<Mark> marks_;
  // Of the bytes at the read position, and of the last bytes written. Senders are noted only while
  // one side has SO_PASSCRED.
  abi::Credentials reader_sees_ = unknown_sender;
  abi::Credentials last_sender_ = unknown_sender;

 public:
  /// Linux's overflow IDs.
  static constexpr abi::Credentials unknown_sender{.pid = 0, .uid = 65534, .gid = 65534};
};

/// A message of a datagram or seqpacket socket. Its bytes are behind the object, or the frames that
/// hold them are.
class UnixMessage : public ListNode<> {
 public:
  /// Takes all of `from`. ENOBUFS; EFAULT; would_block: a page-in.
  static Result<std::unique_ptr<UnixMessage>> make(Ref<UnixEndpoint> sender, IoBuffer& from);
  ~UnixMessage();
  static void operator delete(void* object) { ::operator delete(object); }
  static void operator delete(void* object, std::size_t) { ::operator delete(object); }

  std::size_t size() const { return size_; }
  UnixEndpoint& sender() { return *sender_; }
  /// Copies the first bytes into `to`.
  Result<std::size_t> put(IoBuffer& to) const;

  PassedFilesPtr files;
  abi::Credentials credentials{};

  /// The bytes that a message of this size takes of its sender's SO_SNDBUF: about as on Linux.
  static constexpr std::size_t cost(std::size_t size) { return size + 768; }

 private:
  static constexpr std::size_t most_behind = 2048;

  UnixMessage(Ref<UnixEndpoint> sender, std::size_t size)
      : sender_{std::move(sender)}, size_{size} {}
  static void* operator new(std::size_t size, std::size_t behind) {
    return ::operator new(size + behind);
  }
  bool is_in_frames() const { return size_ > most_behind; }
  std::size_t frame_count() const { return (size_ + hal::page_size - 1) / hal::page_size; }
  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  memory::Frame* frames() { return reinterpret_cast<memory::Frame*>(this + 1); }
  /// Calls each(span) for all bytes in order, until it returns false.
  template <class Each>
  void each_piece(Each each);

  Ref<UnixEndpoint> sender_;
  const std::size_t size_;
  std::size_t frames_made_ = 0;
};

/// The name of a socket in the tree of files.
class SocketNode final : public Node {
 public:
  explicit SocketNode(unsigned permissions) : Node{abi::s_ifsock | permissions} { note_reads(); }
  /// ENXIO, without O_PATH.
  Result<Ref<File>> open(int flags) override;
  bool is_writable() const override { return true; }
  bool has_settable_status() const override { return true; }
  /// Null: the socket was closed, or mknod has made the node.
  UnixEndpoint* endpoint() const { return endpoint_; }

 private:
  friend UnixEndpoint;
  UnixEndpoint* endpoint_ = nullptr;  // which has a reference to the node
};

/// An entry of a receiver's relays_: the receiver wakes this sender's list when it has room.
struct UnixRelay : ListNode<> {};

class UnixEndpoint : public RefCounted<UnixEndpoint>, private UnixRelay {
 public:
  /// Where the path or the abstract name begins in an address.
  static constexpr std::size_t path_offset = offsetof(abi::UnixAddress, path);
  static constexpr std::size_t most_datagrams = 10;  ///< net.unix.max_dgram_qlen

  enum class State : std::uint8_t { unconnected, listening, connected };

  explicit UnixEndpoint(int type);
  /// Bytes of memory for an endpoint with its streams. For can_allocate().
  static std::size_t bytes_for(int type);

  int type() const { return type_; }
  bool is_stream() const { return type_ == abi::sock_stream; }
  State state() const { return state_; }
  bool is_dead() const { return is_dead_; }
  const SocketAddress& name() const { return name_; }
  UnixEndpoint* peer() const { return peer_.get(); }

  // ── Names ──

  /// `node`: a new node, which has its name. EINVAL: the socket has a name.
  Result<> bind(const SocketAddress& name, Ref<SocketNode> node);
  /// An abstract name, which is behind the family and a zero. EINVAL; EADDRINUSE; ENOMEM.
  Result<> bind_abstract(const SocketAddress& name);
  /// An abstract name that no socket has. Does nothing if the socket has a name. ENOSPC; ENOMEM.
  Result<> bind_to_any();
  /// The socket with an abstract name; null: there is none.
  static UnixEndpoint* find_abstract(const SocketAddress& name);

  // ── Connections ──

  /// Connects two new endpoints of any type (socketpair).
  static void connect_pair(UnixEndpoint& a, UnixEndpoint& b, abi::Credentials creator);
  Result<> listen(unsigned backlog, abi::Credentials self);
  bool is_full() const { return waiting_ > backlog_; }
  /// Connects to a listening socket. would_block: its queue is full, wait for room(). ECONNREFUSED;
  /// EISCONN; EINVAL; ENOMEM.
  Result<> connect(UnixEndpoint& listener, abi::Credentials self);
  /// Sets the peer of a datagram socket; null: none. EPERM: `peer` is connected to
  /// another socket.
  Result<> connect_datagrams(UnixEndpoint* peer);
  /// Removes the connection that has waited longest, and returns its endpoint. Null: none waits.
  Ref<UnixEndpoint> take_connection();
  bool has_connections() const { return waiting_ > 0; }
  void shut(bool reads, bool writes);
  /// The end of the socket's file.
  void end();
  int take_error() { return std::exchange(error_, 0); }
  abi::Credentials peer_credentials() const { return peer_credentials_; }

  // ── Bytes and messages ──

  UnixStream& in() { return *in_; }
  UnixStream& out() { return *out_; }
  Result<std::size_t> read_stream(IoBuffer& to, Incoming& message);
  Result<std::size_t> write_stream(IoBuffer& from, Outgoing& message);
  Result<std::size_t> send_message(IoBuffer& from, Outgoing& message);
  Result<std::size_t> receive_message(IoBuffer& to, Incoming& message);
  /// The size of the first message, or the bytes of the stream (FIONREAD).
  std::size_t next_size();
  std::size_t unreceived_bytes() const { return sent_bytes_; }
  short readiness();
  void visit_queues(PassedSocket::Visitor& visitor);
  /// Whether bytes of a connected socket need the credentials of their sender.
  bool notes_senders() const {
    return passes_credentials_ || peer_->passes_credentials_ || peer_->is_unaccepted_;
  }
  void set_passes_credentials(bool passes) { passes_credentials_ = passes; }
  void set_send_limit(std::uint32_t bytes) { send_limit_ = bytes; }

  async::WaitList& readable() { return is_stream() ? in_->pipe().readable() : readable_; }
  async::WaitList& writable() { return is_stream() ? out_->pipe().writable() : writable_; }
  /// Callers wait here for room in the queue of this endpoint: for a connection or a datagram. A
  /// woken caller that does not use the room wakes the next one.
  async::WaitList& room() { return room_; }
  /// Where a send that would block waits. `to`: as in Outgoing.
  async::WaitList& room_to_send(UnixEndpoint* to) {
    return to != nullptr && to->is_full_for(*this) ? to->room_ : writable();
  }

 private:
  bool is_shut_to_read() const { return is_stream() ? in_->has_ended() : shut_reads_; }
  bool is_shut_to_write() const { return is_stream() ? out_->has_ended() : shut_writes_; }
  /// Whether a datagram of `sender` must wait for room here.
  bool is_full_for(const UnixEndpoint& sender) const {
    return &sender != this && peer_.get() != &sender && queued_ > queue_limit();
  }
  std::size_t queue_limit() const { return state_ == State::listening ? backlog_ : most_datagrams; }
  void wake_all();
  void drop_messages();
  /// Removes the first message from the queue.
  std::unique_ptr<UnixMessage> take_message();
  void disconnect_datagrams();
  void note_room();
  void wait_for_relay(UnixEndpoint& peer);
  void end_relay();

  const int type_;
  State state_ = State::unconnected;
  bool is_dead_ = false;
  bool shut_reads_ = false;  // messages only: a stream's directions know it
  bool shut_writes_ = false;
  bool passes_credentials_ = false;
  bool is_unaccepted_ = false;
  int error_ = 0;
  Ref<UnixEndpoint> peer_;
  abi::Credentials peer_credentials_{.pid = 0, .uid = ~0u, .gid = ~0u};
  Ref<UnixStream> in_, out_;  // null without is_stream()

  SocketAddress name_;
  Ref<SocketNode> node_;

  // A listening socket
  unsigned backlog_ = 0;
  unsigned waiting_ = 0;
  UnixEndpoint* first_waiting_ = nullptr;  // owns a reference to each
  UnixEndpoint* last_waiting_ = nullptr;
  UnixEndpoint* next_waiting_ = nullptr;

  // Messages
  List<UnixMessage> queue_;
  std::size_t queued_ = 0;
  std::size_t sent_bytes_ = 0;
  std::uint32_t send_limit_ = Socket::Options::usual_buffer;
  UnixEndpoint* relay_of_ = nullptr;  // in its relays_
  List<UnixRelay> relays_;

  async::WaitList readable_, writable_, room_;
};

}  // namespace kernel
