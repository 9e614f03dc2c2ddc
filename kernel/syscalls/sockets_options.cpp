// getsockopt and setsockopt.
#include <algorithm>
#include <limits>
#include <utility>

#include "syscalls/registered_calls.h"
#include "syscalls/sockets.h"
#include "syscalls/submitted_calls.h"

namespace kernel {
namespace sys {
namespace {

using async::Duration;

// As of Linux: the value that a program sets is doubled, for the kernel's own data.
constexpr std::uint32_t least_send_buffer = 4608;
constexpr std::uint32_t least_receive_buffer = 2304;

std::uint32_t buffer_size(int wanted, std::uint32_t least, bool is_forced) {
  using Options = Socket::Options;
  const std::uint32_t given = is_forced && wanted < 0 ? 0 : static_cast<std::uint32_t>(wanted);
  const std::uint32_t most = is_forced ? Options::most_buffer / 2 : Options::usual_buffer;
  return std::max(2 * std::min(given, most), least);
}

/// Whether an option is only on or off. The superuser may set all of them.
bool is_switch(int option) {
  switch (option) {
    case abi::so_debug:
    case abi::so_reuseaddr:
    case abi::so_dontroute:
    case abi::so_broadcast:
    case abi::so_keepalive:
    case abi::so_oobinline:
    case abi::so_passcred: return true;
    default: return false;
  }
}

Result<Duration> timeout_of(const abi::Timeval& time) {
  constexpr std::int64_t us_per_second = 1'000'000;
  if (time.microseconds < 0 || time.microseconds >= us_per_second) return fail(Errno::edom);
  if (time.seconds < 0) return Duration::zero();
  if (time.seconds == 0 && time.microseconds == 0) return Duration::max();
  return to_duration({.seconds = time.seconds, .nanoseconds = time.microseconds * 1000});
}

template <class T>
Result<T> read_value(Thread& self, std::uintptr_t value, int length) {
  if (length < static_cast<int>(sizeof(T))) return fail(Errno::einval);
  return UserPtr<const T>{value}.read(self.space());
}

Result<> set_timeout(Thread& self, Socket& socket, int option, std::uintptr_t value, int length) {
  const auto timeout = read_value<abi::Timeval>(self, value, length).and_then(timeout_of);
  if (!timeout) return fail(timeout.error());
  Socket::Options& options = socket.change_options();
  (option == abi::so_rcvtimeo ? options.receive_timeout : options.send_timeout) = *timeout;
  if (socket.has_timeout()) socket.wait_specially();
  return {};
}

Result<> set_number(Socket& socket, int option, int number) {
  Socket::Options& options = socket.change_options();
  switch (option) {
    case abi::so_sndbuf:
    case abi::so_sndbufforce:
      options.send_buffer = buffer_size(number, least_send_buffer, option != abi::so_sndbuf);
      socket.options_changed();
      return {};
    case abi::so_rcvbuf:
    case abi::so_rcvbufforce:
      options.receive_buffer = buffer_size(number, least_receive_buffer, option != abi::so_rcvbuf);
      socket.options_changed();
      return {};
    case abi::so_priority: options.priority = number; return {};
    case abi::so_rcvlowat:
      options.low_water = number < 0 ? std::numeric_limits<int>::max() : std::max(number, 1);
      if (options.low_water != 1) socket.wait_specially();
      return {};
    case abi::so_reuseport:
      if (!socket.can_reuse_port()) return number != 0 ? fail(Errno::enotsup) : Result<>{};
      socket.set_option(option, number != 0);
      return {};
    default: return fail(Errno::enoprotoopt);
  }
}

abi::Timeval shown_timeout(Duration timeout) {
  return timeout == Duration::max() ? abi::Timeval{} : to_timeval(timeout);
}

/// Writes the beginning of `value`, as much as the program has room for. Returns the length
/// written.
template <class T>
Result<int> give_option(Thread& self, const T& value, std::uintptr_t to, int room) {
  const auto bytes = std::as_bytes(std::span{&value, 1});
  const auto part = bytes.first(std::min(bytes.size(), static_cast<std::size_t>(room)));
  if (auto written = UserSpan<std::byte>{to, part.size()}.write(self.space(), part); !written)
    return fail(written.error());
  return static_cast<int>(part.size());
}

Result<int> number_of(Socket& socket, int option) {
  const Socket::Options& options = socket.options();
  if (is_switch(option)) return socket.has_option(option);
  switch (option) {
    case abi::so_type: return socket.kind().type;
    case abi::so_domain: return socket.kind().domain;
    case abi::so_protocol: return socket.kind().protocol;
    case abi::so_acceptconn: return socket.is_listening();
    case abi::so_sndbuf: return static_cast<int>(options.send_buffer);
    case abi::so_rcvbuf: return static_cast<int>(options.receive_buffer);
    case abi::so_priority: return options.priority;
    case abi::so_rcvlowat: return options.low_water;
    case abi::so_sndlowat: return 1;
    case abi::so_reuseport: return socket.has_option(option);
    default: return fail(Errno::enoprotoopt);
  }
}

}  // namespace

/// flags: Of SOL_SOCKET: SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE,
///   SO_OOBINLINE, SO_PASSCRED, SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_PRIORITY,
///   SO_LINGER, SO_RCVLOWAT, SO_RCVTIMEO, SO_SNDTIMEO, and for AF_INET and AF_INET6 SO_REUSEPORT.
///   Of IPPROTO_IP: IP_TOS, IP_TTL, IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVORIGDSTADDR,
///   IP_RECVERR, IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT, IP_MTU_DISCOVER, IP_MULTICAST_TTL,
///   IP_MULTICAST_LOOP. Of IPPROTO_IPV6: IPV6_V6ONLY, IPV6_UNICAST_HOPS, IPV6_TCLASS,
///   IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVERR, IPV6_MTU_DISCOVER,
///   IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP. Of IPPROTO_TCP: TCP_NODELAY, TCP_CORK, TCP_MAXSEG,
///   TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT,
///   TCP_QUICKACK, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT. ENOPROTOOPT for others; on AF_UNIX
///   EOPNOTSUPP for other levels
/// linux: At most 64 KiB wait in an AF_UNIX stream, whatever SO_SNDBUF is. For each direction of a
///   TCP connection at most 256 KiB wait at the sender and as much at the receiver. SO_SNDBUF and
///   SO_RCVBUF can only lower that, and SO_RCVBUF only between sockets of this machine.
///   SO_SNDBUFFORCE and SO_RCVBUFFORCE set 1 MiB at most. A filter cannot be attached. A close does
///   not wait for SO_LINGER. A socket cannot join a group (ENODEV), and has no queue of errors.
///   TCP_MAXSEG, TCP_SYNCNT, TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_USER_TIMEOUT and the options of
///   path MTU discovery are only stored.
Result<> setsockopt(Thread& self, int fd, int level, int option, std::uintptr_t value, int length) {
  if (length < 0) return fail(Errno::einval);
  const auto found = socket_of(self, fd);
  if (!found) return fail(found.error());
  Socket& socket = **found;
  if (level != abi::sol_socket) {
    const UserSpan<const std::byte> given{value, static_cast<std::size_t>(length)};
    return socket.set_option_of(self.space(), level, option, given);
  }
  const auto number = read_value<int>(self, value, length);
  if (!number) return fail(number.error());
  if (is_switch(option)) {
    socket.set_option(option, *number != 0);
    return {};
  }
  switch (option) {
    case abi::so_rcvtimeo:
    case abi::so_sndtimeo: return set_timeout(self, socket, option, value, length);
    case abi::so_linger: {
      const auto linger = read_value<abi::Linger>(self, value, length);
      if (!linger) return fail(linger.error());
      socket.change_options().linger = *linger;
      return {};
    }
    default: return set_number(socket, option, *number);
  }
}

/// Writes an option to the program, which has room for `room` bytes. Returns its length.
static Result<int> give_option_of(Thread& self, Socket& socket, int level, int option,
                                  std::uintptr_t value, int room) {
  if (room < 0) return fail(Errno::einval);
  if (level != abi::sol_socket) {
    const UserSpan<std::byte> to{value, static_cast<std::size_t>(room)};
    return socket.option_of(self.space(), level, option, to).transform([](std::size_t size) {
      return static_cast<int>(size);
    });
  }
  switch (option) {
    case abi::so_error: {
      if (lacks_pages(self, value, std::min<std::size_t>(room, sizeof(int))))
        return fail(Errno::would_block);
      return give_option(self, socket.take_error(), value, room);
    }
    case abi::so_linger: return give_option(self, socket.options().linger, value, room);
    case abi::so_rcvtimeo:
      return give_option(self, shown_timeout(socket.options().receive_timeout), value, room);
    case abi::so_sndtimeo:
      return give_option(self, shown_timeout(socket.options().send_timeout), value, room);
    case abi::so_peercred: return give_option(self, socket.peer_credentials(), value, room);
    default: {
      const auto number = number_of(socket, option);
      if (!number) return fail(number.error());
      return give_option(self, *number, value, room);
    }
  }
}

/// flags: Those of `setsockopt` except the two that end in FORCE, and SO_TYPE, SO_ERROR, SO_DOMAIN,
///   SO_PROTOCOL, SO_ACCEPTCONN, SO_PEERCRED, SO_SNDLOWAT, IP_MTU, TCP_INFO, TCP_CONGESTION;
///   ENOPROTOOPT for others; on AF_UNIX EOPNOTSUPP for other levels
/// linux: The congestion control is `reno`. TCP_INFO has no times and no counts of bytes.
Result<> getsockopt(Thread& self, int fd, int level, int option, std::uintptr_t value,
                    UserPtr<int> length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto room = length.read(self.space());
  if (!room) return fail(room.error());
  const auto size = give_option_of(self, **socket, level, option, value, *room);
  return size ? length.write(self.space(), *size) : fail(size.error());
}

Result<int> option_into(Thread& self, int fd, int level, int option, std::uintptr_t value,
                        int room) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return give_option_of(self, **socket, level, option, value, room);
}

}  // namespace sys

KERNEL_CALL(setsockopt, sys::setsockopt);
KERNEL_CALL(getsockopt, sys::getsockopt);

}  // namespace kernel
