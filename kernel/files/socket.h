// A socket as an open file (socket(7)). Each address family derives a class: UnixSocket
// (unix_socket.h).
//
// send() and receive() never wait, as try_read() and try_write() of every file. The system calls
// (syscalls/sockets.h) wait in the lists of changes(), which are the same for the life of a socket.
// A listening socket is ready to read if a connection waits to be accepted.
#pragma once

#include <abi/socket.h>
#include <async/time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "files/file.h"
#include "files/passed_files.h"

namespace kernel {

/// An address in the form of its family (sockaddr).
struct SocketAddress {
  std::uint32_t length = 0;  ///< 0: there is no address
  std::array<std::byte, abi::longest_socket_address> bytes{};

  std::span<const std::byte> used() const { return std::span{bytes}.first(length); }
};

/// What a message carries besides its bytes, and how it is sent.
struct Outgoing {
  int flags = 0;  ///< abi::msg_*
  PassedFilesPtr files;
  std::optional<abi::Credentials> credentials;  ///< those that the sender has given
  /// Of an unconnected send; null: to the peer.
  Ref<class UnixEndpoint> to;
};

/// What is received besides the bytes.
struct Incoming {
  int flags = 0;                                ///< abi::msg_*, as the caller gave them
  int message_flags = 0;                        ///< out: msg_trunc
  SocketAddress from;                           ///< out
  PassedFilesPtr files;                         ///< out; null: none
  std::optional<abi::Credentials> credentials;  ///< out; empty without SO_PASSCRED

  bool peeks() const { return (flags & abi::msg_peek) != 0; }
};

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
  virtual class UnixSocket* unix_socket() { return nullptr; }
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
  /// The calls wait in coroutines of their own from now on, because reads or writes of this socket
  /// have a timeout or wait for more than a byte.
  void wait_specially() {
    let_wait_for_device();
    let_wait_sharing(false);
  }
  bool has_timeout() const {
    return options_.receive_timeout != async::Duration::max() ||
           options_.send_timeout != async::Duration::max();
  }

  // ── Connections ──

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

  // ── Messages ──

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
      : File{abi::o_rdwr | flags, whole_write}, kind_{kind} {}

 private:
  const Kind kind_;
  Options options_;
};

}  // namespace kernel
