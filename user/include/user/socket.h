// Sockets: of AF_UNIX with abstract names (unix(7)), and of AF_INET with ports of 127.0.0.1. None
// of the calls allocates memory.
#pragma once

#include <abi/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "user/calls.h"

namespace user {

struct SocketPair {
  Fd first;
  Fd second;
};

// `type`: abi::sock_stream, sock_dgram or sock_seqpacket, with sock_cloexec and sock_nonblock.
inline Result<Fd> make_socket(int type, int family = abi::af_unix) {
  return call<Fd>(Call::socket, family, type, 0);
}
inline Result<SocketPair> make_socket_pair(int type) {
  int ends[2];
  return call(Call::socketpair, abi::af_unix, type, 0, ends).transform([&] {
    return SocketPair{ends[0], ends[1]};
  });
}

// The address with the abstract name `name`, of at most 107 bytes.
class AbstractName {
 public:
  explicit AbstractName(std::string_view name)
      : length_{static_cast<int>(offsetof(abi::UnixAddress, path) + 1 + name.size())} {
    std::ranges::copy(name, address_.path + 1);
  }
  static constexpr int family = abi::af_unix;
  const abi::UnixAddress* address() const { return &address_; }
  int length() const { return length_; }

 private:
  abi::UnixAddress address_{.family = family, .path = {}};
  int length_;
};

// A port of 127.0.0.1. bind() chooses a free one in place of port 0.
class LoopbackPort {
 public:
  explicit LoopbackPort(std::uint16_t port)
      : address_{.family = family,
                 .port = in_network_order(port),
                 .address = in_network_order(loopback)} {}
  // The port of a bound socket.
  static Result<LoopbackPort> of(Fd fd) {
    LoopbackPort port{0};
    int length = sizeof port.address_;
    return call(Call::getsockname, fd, &port.address_, &length).transform([&] { return port; });
  }
  static constexpr int family = abi::af_inet;
  std::uint16_t port() const { return in_network_order(address_.port); }
  const abi::InetAddress* address() const { return &address_; }
  static int length() { return sizeof(abi::InetAddress); }

 private:
  static constexpr std::uint32_t loopback = 0x7f00'0001;
  template <class T>
  static T in_network_order(T value) {
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
  }
  abi::InetAddress address_;
};

// Makes a socket that has the address: an AbstractName or a LoopbackPort.
template <class Address>
Result<Fd> bind_to(const Address& at, int type) {
  const auto fd = make_socket(type, Address::family);
  if (!fd) return fd;
  const auto done = call(Call::bind, *fd, at.address(), at.length());
  if (done) return fd;
  static_cast<void>(close(*fd));
  return std::unexpected(done.error());
}
// Makes a listening socket.
template <class Address>
Result<Fd> listen_at(const Address& at, int type, int backlog = 16) {
  const auto fd = bind_to(at, type);
  if (!fd) return fd;
  const auto done = call(Call::listen, *fd, backlog);
  if (done) return fd;
  static_cast<void>(close(*fd));
  return std::unexpected(done.error());
}
inline Result<Fd> listen_as(std::string_view name, int type, int backlog = 16) {
  return listen_at(AbstractName{name}, type, backlog);
}
inline Result<Fd> accept(Fd listener, int flags = 0) {
  return call<Fd>(Call::accept4, listener, nullptr, nullptr, flags);
}
template <class Address>
Result<Fd> connect_at(const Address& to, int type) {
  const auto fd = make_socket(type, Address::family);
  if (!fd) return fd;
  const auto done = call(Call::connect, *fd, to.address(), to.length());
  if (done) return fd;
  static_cast<void>(close(*fd));
  return std::unexpected(done.error());
}

// Both ends of a TCP connection over 127.0.0.1. `flags`: abi::sock_cloexec, sock_nonblock.
inline Result<SocketPair> make_tcp_pair(int flags = 0) {
  const auto listener = listen_at(LoopbackPort{0}, abi::sock_stream | abi::sock_cloexec, 1);
  if (!listener) return std::unexpected(listener.error());
  SocketPair ends{-1, -1};
  const auto made = LoopbackPort::of(*listener)
                        .and_then([&](const LoopbackPort& port) {
                          return connect_at(port, abi::sock_stream | flags);
                        })
                        .and_then([&](Fd client) {
                          ends.first = client;
                          return accept(*listener, flags);
                        });
  static_cast<void>(close(*listener));
  if (made) {
    ends.second = *made;
    return ends;
  }
  if (ends.first >= 0) static_cast<void>(close(ends.first));
  return std::unexpected(made.error());
}

inline Result<Fd> connect_to(std::string_view name, int type) {
  return connect_at(AbstractName{name}, type);
}

inline Result<std::size_t> send(Fd fd, std::string_view text, int flags = abi::msg_nosignal) {
  return call<std::size_t>(Call::sendto, fd, text.data(), text.size(), flags, nullptr, 0);
}
// Returns the bytes received, at the beginning of `room`. Empty: the peer has closed its socket.
inline Result<std::string_view> receive(Fd fd, std::span<char> room, int flags = 0) {
  return call<std::size_t>(Call::recvfrom, fd, room.data(), room.size(), flags, nullptr, nullptr)
      .transform([&](std::size_t count) { return std::string_view{room.data(), count}; });
}
inline Result<abi::Credentials> peer_of(Fd fd) {
  abi::Credentials peer{};
  int length = sizeof peer;
  return call(Call::getsockopt, fd, abi::sol_socket, abi::so_peercred, &peer, &length)
      .transform([&] { return peer; });
}

namespace detail {

// The control message of one descriptor.
struct OneFile {
  abi::ControlHeader header{.length = sizeof(abi::ControlHeader) + sizeof(Fd),
                            .level = abi::sol_socket,
                            .type = abi::scm_rights};
  Fd file;
  std::uint32_t padding = 0;
};

}  // namespace detail

// Sends `text`, and with it the descriptor `file`.
inline Result<std::size_t> send_file(Fd fd, std::string_view text, Fd file) {
  detail::OneFile control{.file = file};
  abi::IoVector part{reinterpret_cast<std::uintptr_t>(text.data()), text.size()};
  abi::MessageHeader message{.parts = reinterpret_cast<std::uintptr_t>(&part),
                             .part_count = 1,
                             .control = reinterpret_cast<std::uintptr_t>(&control),
                             .control_length = sizeof control};
  return call<std::size_t>(Call::sendmsg, fd, &message, abi::msg_nosignal);
}
struct ReceivedFile {
  std::string_view text;  // at the beginning of the room
  Fd file;                // -1: the message had none
};
inline Result<ReceivedFile> receive_file(Fd fd, std::span<char> room) {
  detail::OneFile control{.file = -1};
  abi::IoVector part{reinterpret_cast<std::uintptr_t>(room.data()), room.size()};
  abi::MessageHeader message{.parts = reinterpret_cast<std::uintptr_t>(&part),
                             .part_count = 1,
                             .control = reinterpret_cast<std::uintptr_t>(&control),
                             .control_length = sizeof control};
  return call<std::size_t>(Call::recvmsg, fd, &message, 0).transform([&](std::size_t count) {
    const bool has_file = message.control_length >= control.header.length;
    return ReceivedFile{{room.data(), count}, has_file ? control.file : -1};
  });
}

}  // namespace user
