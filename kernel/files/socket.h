// A socket as an open file (socket(7)). Each address family derives a class: UnixSocket
// (unix_socket.h), and those of the floor `net`.
//
// send() and receive() never wait, as try_read() and try_write() of every file. The system calls
// (syscalls/sockets.h) wait in the lists of changes(), which are the same for the life of a socket.
// A listening socket is ready to read if a connection waits to be accepted.
#pragma once

#include <abi/socket.h>
#include <async/registry.h>
#include <async/time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "files/file.h"
#include "files/passed_files.h"
#include "memory/user_memory.h"

namespace kernel {

/// The longest queue of connections that wait for accept(): net.core.somaxconn.
inline constexpr unsigned most_waiting_connections = 4096;

/// An address in the form of its family (sockaddr).
struct SocketAddress {
  std::uint32_t length = 0;  ///< 0: there is no address
  std::array<std::byte, abi::longest_socket_address> bytes{};

  std::span<const std::byte> used() const { return std::span{bytes}.first(length); }
};

/// The process that makes a call, as far as a socket uses it.
class SocketCaller {
 public:
  virtual abi::Credentials credentials() = 0;
  /// The node with this path. Errors of path lookups. would_block: a name of a server is needed.
  virtual Result<Ref<class Node>> find(std::string_view path) = 0;
  /// Makes a node for a socket and gives it this name. EADDRINUSE; EINVAL: the socket has a name
  /// already; errors of path lookups.
  virtual Result<Ref<class SocketNode>> make_name(std::string_view path, bool has_name) = 0;

 protected:
  ~SocketCaller() = default;
};

/// Where a message goes, or a connection. Each family uses a part.
struct Destination {
  Destination();
  Destination(Destination&&) noexcept;
  ~Destination();

  SocketAddress address;
  Ref<class UnixEndpoint> endpoint;
};

/// Control messages of a family (cmsg(3)), besides files and credentials.
struct ControlMessages {
  struct Message {
    int level;
    int type;
    std::uint32_t length;  ///< bytes of `data`
    std::array<std::byte, 20> data;

    template <class T>
    std::optional<T> value() const {
      if (length != sizeof(T)) return std::nullopt;
      T value;
      std::memcpy(&value, data.data(), sizeof value);
      return value;
    }
  };

  template <class T>
  void add(int level, int type, const T& value) {
    static_assert(sizeof value <= sizeof(Message::data));
    Message& added = list[count++];
    added.level = level;
    added.type = type;
    added.length = sizeof value;
    std::memcpy(added.data.data(), &value, sizeof value);
  }

  std::array<Message, 3> list;
  unsigned count = 0;
  bool has_more = false;  ///< there were others, for which there is no room here
};

/// What a message carries besides its bytes, and how it is sent.
struct Outgoing {
  int flags = 0;  ///< abi::msg_*
  PassedFilesPtr files;
  std::optional<abi::Credentials> credentials;  ///< those that the sender has given
  Destination to;                               ///< of an unconnected send; empty: to the peer
  std::optional<ControlMessages> control;       ///< those of other levels than SOL_SOCKET
};

/// What is received besides the bytes.
struct Incoming {
  int flags = 0;                                ///< abi::msg_*, as the caller gave them
  int message_flags = 0;                        ///< out: msg_trunc
  SocketAddress from;                           ///< out
  PassedFilesPtr files;                         ///< out; null: none
  std::optional<abi::Credentials> credentials;  ///< out; empty without SO_PASSCRED
  std::optional<ControlMessages> control;       ///< out

  bool peeks() const { return (flags & abi::msg_peek) != 0; }
};

/// When a wait that begins now ends. `timeout`: Duration::max() for none.
inline async::Instant end_of_wait(async::Duration timeout) {
  const async::Instant now = async::now();
  return timeout >= async::never - now ? async::never : now + timeout;
}

class Socket : public File, public PassedSocket {
 public:
  struct Kind {
    int domain;
    int type;
    int protocol;
  };
  /// Options that setsockopt stores. A family may give some of them a further effect.
  struct Options {
    static constexpr std::uint32_t usual_buffer = 212'992;
    static constexpr std::uint32_t most_buffer = 1 << 20;  ///< a message is sent in one step

    std::uint32_t flags = 0;  ///< a bit for each option that is only on or off: 1 << abi::so_*
    std::int32_t priority = 0;
    abi::Linger linger{};
    std::uint32_t send_buffer = usual_buffer;
    std::uint32_t receive_buffer = usual_buffer;
    std::int32_t low_water = 1;                                ///< bytes that a receive waits for
    async::Duration receive_timeout = async::Duration::max();  ///< max: none
    async::Duration send_timeout = async::Duration::max();
  };

  Socket* socket() final { return this; }
  File& file() final { return *this; }
  const Kind& kind() const { return kind_; }
  bool is_connection_based() const { return kind_.type != abi::sock_dgram; }

  const Options& options() const { return options_; }
  bool has_option(int option) const { return (options_.flags >> option & 1) != 0; }
  void set_option(int option, bool is_on) {
    options_.flags = (options_.flags & ~(1u << option)) | (is_on ? 1u << option : 0);
    options_changed();
  }
  /// Afterwards call options_changed().
  Options& change_options() { return options_; }
  virtual void options_changed() {}
  /// From now on each read(2) and write(2) moves bytes in a coroutine of its own, in the strand.
  /// Call it when the socket gets a timeout (SO_RCVTIMEO, SO_SNDTIMEO), or when its receives wait
  /// for more than a byte (SO_RCVLOWAT).
  void wait_specially() {
    let_wait_for_device();
    let_wait_sharing(false);
  }
  bool has_timeout() const {
    return options_.receive_timeout != async::Duration::max() ||
           options_.send_timeout != async::Duration::max();
  }

  Result<std::size_t> move_nothing(Direction direction) override;
  /// The socket itself, as fstat(2) shows it. The name that bind() may have made has its own node.
  abi::Stat status() override;

  /// Requests about network devices. ENOTTY.
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override;

  /// Sets an option of the family's own levels. ENOPROTOOPT; EOPNOTSUPP; EINVAL; EFAULT.
  virtual Result<> set_option_of(memory::AddressSpace&, int, int,
                                 memory::UserSpan<const std::byte>) {
    return fail(Errno::enotsup);
  }
  /// The value of such an option, at most `to.size()` bytes of it. Returns their number.
  virtual Result<std::size_t> option_of(memory::AddressSpace&, int, int,
                                        memory::UserSpan<std::byte>) {
    return fail(Errno::enotsup);
  }
  /// Whether SO_REUSEPORT can be set.
  virtual bool can_reuse_port() const { return false; }

  // ── Names and connections ──

  /// EINVAL; EADDRINUSE; errors of path lookups.
  virtual Result<> bind(SocketCaller& caller, const SocketAddress& address) = 0;
  /// Connects, or continues a connect that had to wait. would_block: wait in room_to_connect(),
  /// then call again with the same `to`. A nonblocking socket returns EAGAIN or EINPROGRESS
  /// instead. `to` is empty before the first call.
  virtual Result<> connect(SocketCaller& caller, const SocketAddress& address, Destination& to) = 0;
  /// Null: the connect does not wait in a list. Its path needs a file server's answer, or a page
  /// is missing, and the system call restarts.
  virtual async::WaitList* room_to_connect(const Destination& to) = 0;
  /// The error of a connect that has waited for as long as SO_SNDTIMEO allows.
  virtual Errno connect_timeout() const { return Errno::eagain; }
  virtual bool is_listening() const = 0;
  /// EOPNOTSUPP; EINVAL.
  virtual Result<> listen(unsigned backlog, abi::Credentials self) = 0;
  /// A connection, as a file with the flags `flags`. would_block; EINVAL: the socket does not
  /// listen; EOPNOTSUPP; ENOMEM.
  virtual Result<Ref<Socket>> accept(int flags) = 0;
  /// `how`: abi::shut_*. ENOTCONN.
  virtual Result<> shutdown(int how) = 0;
  virtual SocketAddress name() const = 0;
  /// ENOTCONN.
  virtual Result<SocketAddress> peer_name() const = 0;
  /// The process on the other side, as it was when the connection was made.
  virtual abi::Credentials peer_credentials() const = 0;
  /// Returns the error that has occurred meanwhile, and forgets it. 0: none.
  virtual int take_error() = 0;
  /// Whether the next send or receive returns that error. A call that has moved bytes leaves the
  /// error to the next call.
  virtual bool has_error(Direction) { return false; }

  // ── Messages ──

  /// Prepares a send: looks up where it goes. `to` is empty without an address. EISCONN; EINVAL;
  /// errors of path lookups.
  virtual Result<> prepare_send(SocketCaller& caller, const SocketAddress& to,
                                Outgoing& message) = 0;
  /// The list in which a send waits that would block.
  virtual async::WaitList& room_to_send(const Outgoing& message) = 0;
  /// Called when a send fails after a wake of that list: passes the wake on to the next waiter.
  virtual void pass_room(const Outgoing&) {}
  /// The answer to SIOCINQ or SIOCOUTQ. EOPNOTSUPP: the family has no such numbers; EINVAL: the
  /// socket listens.
  virtual Result<std::size_t> count_queued(unsigned long) { return fail(Errno::enotsup); }
  /// The size of the first message, or the bytes of the stream (FIONREAD).
  virtual std::size_t next_size() = 0;

  /// Sends bytes of `from`: a message, or as many bytes of a stream as fit. Takes the files of
  /// `message` if it sends anything. would_block; EPIPE; other errors of send(2).
  virtual Result<std::size_t> send(IoBuffer& from, Outgoing& message) = 0;
  /// Receives into `to`: the beginning of a message, or bytes of a stream. Returns the number of
  /// bytes; with msg_trunc that of the whole message. 0: the end. would_block.
  virtual Result<std::size_t> receive(IoBuffer& to, Incoming& message) = 0;
  /// Whether a receive could return at least `count` bytes, or the end of the stream. Always true
  /// for messages.
  virtual bool has_bytes(std::size_t count) = 0;

 protected:
  Socket(Kind kind, int flags, std::size_t whole_write)
      : File{abi::o_rdwr | flags, whole_write}, kind_{kind} {
    let_send_signals();
  }

 private:
  const Kind kind_;
  Options options_;
};

/// A family of addresses. A source that implements one adds an entry, which the linker collects
/// (async/registry.h).
struct SocketFamily {
  const char* name;
  int domain;
  /// A new socket. `type`: without flags. EPROTONOSUPPORT; ESOCKTNOSUPPORT; ENOMEM.
  Result<Ref<Socket>> (*make)(int type, int protocol, int flags);
  /// Connects two new sockets of make(). Null: the family has no pairs.
  void (*connect_pair)(Socket& a, Socket& b, abi::Credentials creator);
  /// ioctl(2) about the machine's network devices, for the sockets of all families. Null: another
  /// family has it. ENOTTY: the request is another one.
  Result<int> (*control_devices)(memory::AddressSpace& space, unsigned long request,
                                 std::uintptr_t argument) = nullptr;
};
async::Registry<SocketFamily> socket_families();

/// Adds `family`, a constexpr SocketFamily, in namespace kernel.
#define KERNEL_SOCKET_FAMILY(family_name, family) \
  ASYNC_REGISTER(cotrap_socket_families, family_name, family)

/// The family of an address; 0: it is too short.
int family_of(const SocketAddress& address);

/// The process that makes the present call, for sends that cannot say it. Call once.
void set_socket_caller(abi::Credentials (*caller)());
abi::Credentials socket_caller();

}  // namespace kernel
