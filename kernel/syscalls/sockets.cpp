// Making, naming and connecting sockets.
#include "syscalls/sockets.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "files/path_lookup.h"
#include "sched/running.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {

Result<Socket*> socket_of(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->socket() == nullptr) return fail(Errno::enotsock);
  return file->socket();
}

Result<SocketAddress> read_address(Thread& self, std::uintptr_t from, int length) {
  SocketAddress address;
  if (length < 0 || static_cast<std::size_t>(length) > address.bytes.size())
    return fail(Errno::einval);
  address.length = static_cast<std::uint32_t>(length);
  const auto bytes = std::span{address.bytes}.first(address.length);
  const UserSpan<const std::byte> given{from, bytes.size()};
  if (auto read = given.read(self.space(), bytes); !read) return fail(read.error());
  return address;
}

Result<> write_address(Thread& self, const SocketAddress& address, std::uintptr_t to,
                       UserPtr<int> room) {
  const auto given = room.read(self.space());
  if (!given) return fail(given.error());
  if (*given < 0) return fail(Errno::einval);
  const auto bytes = address.used().first(std::min<std::size_t>(address.length, *given));
  if (auto written = UserSpan<std::byte>{to, bytes.size()}.write(self.space(), bytes); !written)
    return written;
  return room.write(self.space(), static_cast<int>(address.length));
}

namespace {

constexpr std::size_t path_offset = offsetof(abi::UnixAddress, path);

abi::Credentials running_credentials() {
  Runnable* const running = current.thread;
  if (running == nullptr) return UnixStream::unknown_sender;
  return credentials_of(static_cast<Thread&>(*running));
}

int family_of(const SocketAddress& address) {
  std::uint16_t family = 0;
  if (address.length >= sizeof family) std::memcpy(&family, address.bytes.data(), sizeof family);
  return family;
}

bool is_abstract(const SocketAddress& address) {
  return address.bytes[path_offset] == std::byte{0};
}

/// The path of an address, which may lack the zero at its end.
std::string_view path_of(const SocketAddress& address) {
  const std::string_view bytes{reinterpret_cast<const char*>(address.bytes.data()) + path_offset,
                               address.length - path_offset};
  return bytes.substr(0, bytes.find('\0'));
}

/// An address without a name has only its family.
SocketAddress shown_address(SocketAddress address, int domain) {
  if (address.length != 0) return address;
  const auto family = static_cast<std::uint16_t>(domain);
  std::memcpy(address.bytes.data(), &family, sizeof family);
  address.length = sizeof family;
  return address;
}

Result<> bind_path(Thread& self, UnixEndpoint& endpoint, SocketAddress address) {
  const std::string_view path = path_of(address);
  const auto found = lookup_from(self, abi::at_fdcwd, path).and_then([&](const PathLookup& lookup) {
    return kernel::find(lookup, path, LastLink::name);
  });
  if (!found) return fail(found.error());
  if (found->node != nullptr || found->last != LastName::name) return fail(Errno::eaddrinuse);
  if (found->as_directory) return fail(Errno::enoent);
  if (auto allowed = check_new_node(*found, sizeof(SocketNode)); !allowed) return allowed;
  if (found->directory->is_remote()) return fail(Errno::eperm);
  if (endpoint.name().length != 0) return fail(Errno::einval);
  auto node = make_ref<SocketNode>(0777 & ~self.process().fs().umask());
  if (auto added = found->directory->add(found->name, node); !added) return added;
  address.length = static_cast<std::uint32_t>(path_offset + path.size() + 1);
  address.bytes[address.length - 1] = std::byte{0};
  return endpoint.bind(address, std::move(node));
}

Result<> bind_unix(Thread& self, UnixEndpoint& endpoint, const SocketAddress& address) {
  if (address.length == path_offset && family_of(address) == abi::af_unix)
    return endpoint.name().length != 0 ? Result<>{} : endpoint.bind_to_any();
  if (auto valid = check_unix_address(address); !valid) return valid;
  return is_abstract(address) ? endpoint.bind_abstract(address)
                              : bind_path(self, endpoint, address);
}

/// Waits until the listening socket has room for the connection. EAGAIN: the time is over.
async::Task<Result<>> finish_connecting(Thread& self, Ref<File> file, Ref<UnixEndpoint> listener) {
  UnixSocket& socket = *file->socket()->unix_socket();
  const async::Instant deadline = end_of_wait(socket.options().send_timeout);
  for (;;) {
    const auto woken = co_await listener->room().wait_until(deadline, "connect");
    if (woken != async::WaitResult::woken) co_return fail(wait_error(woken));
    const auto connected = socket.endpoint().connect(*listener, credentials_of(self));
    if (!connected && connected.error() == Errno::would_block) continue;
    if (!connected) listener->room().wake_one();
    co_return connected;
  }
}

trap::Answer<Result<>> connect_unix(Thread& self, UnixSocket& socket,
                                    const SocketAddress& address) {
  UnixEndpoint& endpoint = socket.endpoint();
  const bool is_datagram = endpoint.type() == abi::sock_dgram;
  if (is_datagram && family_of(address) == abi::af_unspec && address.length >= path_offset)
    return endpoint.connect_datagrams(nullptr);
  if (auto valid = check_unix_address(address); !valid) return valid;
  if (socket.has_option(abi::so_passcred)) {
    if (auto bound = endpoint.bind_to_any(); !bound) return bound;
  }
  auto found = find_unix(self, address, endpoint.type());
  if (!found) return fail(found.error());
  if (is_datagram) return endpoint.connect_datagrams(found->get());
  const auto connected = endpoint.connect(**found, credentials_of(self));
  if (connected || connected.error() != Errno::would_block) return connected;
  if (never_waits(socket, 0)) return fail(Errno::eagain);
  return self.wait(
      [&] { return finish_connecting(self, Ref<File>::share(socket), std::move(*found)); });
}

/// The handler has checked the arguments.
struct Accepting {
  int flags;
  std::uintptr_t address;
  UserPtr<int> length;

  bool lacks_pages(Thread& self) const {
    if (address == 0) return false;
    const auto room = length.read(self.space());
    if (!room) return room.error() == Errno::would_block;
    const auto size = static_cast<std::size_t>(std::clamp<int>(*room, 0, sizeof(SocketAddress)));
    return sys::lacks_pages(self, length.address(), sizeof(int)) ||
           sys::lacks_pages(self, address, size);
  }
  /// EMFILE: before the connection leaves the queue; EFAULT: the connection is closed.
  Result<int> accept(Thread& self, Socket& socket) const {
    FdTable& files = self.process().files();
    const bool close_on_exec = (flags & abi::sock_cloexec) != 0;
    const auto fd = files.add(Ref<File>::share(socket), close_on_exec);  // reserves the number
    if (!fd) return fd;
    auto connection = socket.accept(flags & abi::sock_nonblock);
    Result<> done{};
    if (!connection) {
      done = fail(connection.error());
    } else if (address != 0) {
      done = (*connection)->peer_name().and_then([&](const SocketAddress& peer) {
        return write_address(self, shown_address(peer, socket.kind().domain), address, length);
      });
    }
    if (done) done = files.set(*fd, std::move(*connection), close_on_exec);
    if (done) return fd;
    (void)files.close(*fd);
    return fail(done.error());
  }
};

async::Task<Result<int>> finish_accepting(Thread& self, Ref<File> file, Accepting accepting) {
  Socket& socket = *file->socket();
  const async::Instant deadline = end_of_wait(socket.options().receive_timeout);
  const auto space = Ref<memory::AddressSpace>::share(self.space());
  for (;;) {
    const auto woken = co_await socket.changes(Direction::read)->wait_until(deadline, "accept");
    if (woken != async::WaitResult::woken) co_return fail(wait_error(woken));
    while (accepting.lacks_pages(self))
      if (!co_await page_in_missed(space) || async::is_cancelled()) break;
    const auto accepted = accepting.accept(self, socket);
    if (accepted) co_return accepted;
    if (accepted.error() != Errno::would_block) {
      socket.changes(Direction::read)->pass_wake();  // another thread may take the connection
      co_return accepted;
    }
  }
}

}  // namespace

Result<> check_unix_address(const SocketAddress& address) {
  if (address.length <= path_offset || address.length > sizeof(abi::UnixAddress) ||
      family_of(address) != abi::af_unix)
    return fail(Errno::einval);
  return {};
}

Result<Ref<UnixEndpoint>> find_unix(Thread& self, const SocketAddress& address, int type) {
  if (auto valid = check_unix_address(address); !valid) return fail(valid.error());
  UnixEndpoint* endpoint = nullptr;
  if (is_abstract(address)) {
    endpoint = UnixEndpoint::find_abstract(address);
  } else {
    const auto node = find_node(self, abi::at_fdcwd, path_of(address), LastLink::follow);
    if (!node) return fail(node.error());
    if ((*node)->type() == abi::s_ifsock && !(*node)->is_remote())
      endpoint = static_cast<SocketNode&>(**node).endpoint();
  }
  if (endpoint == nullptr) return fail(Errno::econnrefused);
  if (endpoint->type() != type) return fail(Errno::eprototype);
  return Ref<UnixEndpoint>::share(*endpoint);
}

namespace {

struct NewKind {
  int type;
  int flags;
};
/// Checks the arguments of a new socket. EINVAL; EAFNOSUPPORT; EPROTONOSUPPORT; ESOCKTNOSUPPORT.
Result<NewKind> check_kind(int domain, int type, int protocol) {
  const int flags = type & ~abi::sock_type_mask;
  int kind = type & abi::sock_type_mask;
  if (domain < 0 || domain >= abi::af_max) return fail(Errno::eafnosupport);
  if (kind >= abi::sock_max_type) return fail(Errno::einval);
  if (domain != abi::af_unix) return fail(Errno::eafnosupport);
  if (protocol != 0 && protocol != abi::af_unix) return fail(Errno::eprotonosupport);
  if (kind == abi::sock_raw) kind = abi::sock_dgram;
  if (kind != abi::sock_stream && kind != abi::sock_dgram && kind != abi::sock_seqpacket)
    return fail(Errno::esocktnosupport);
  return NewKind{.type = kind, .flags = flags};
}
constexpr int socket_flags = abi::sock_cloexec | abi::sock_nonblock;

}  // namespace

/// flags: AF_UNIX; SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW, each with SOCK_CLOEXEC and
///   SOCK_NONBLOCK; EAFNOSUPPORT for other families, ESOCKTNOSUPPORT and EINVAL for other types
/// linux: There is no other family than AF_UNIX.
Result<int> socket(Thread& self, int domain, int type, int protocol) {
  if ((type & ~abi::sock_type_mask & ~socket_flags) != 0) return fail(Errno::einval);
  const auto kind = check_kind(domain, type, protocol);
  if (!kind) return fail(kind.error());
  set_socket_caller(running_credentials);
  auto made = UnixSocket::make(kind->type, kind->flags & abi::sock_nonblock);
  if (!made) return fail(made.error());
  return self.process().files().add(std::move(*made), (kind->flags & abi::sock_cloexec) != 0);
}

/// flags: as `socket`
/// linux: As `socket`.
Result<> socketpair(Thread& self, int domain, int type, int protocol, UserPtr<int> ends) {
  if ((type & ~abi::sock_type_mask & ~socket_flags) != 0) return fail(Errno::einval);
  const UserSpan<int> out{ends.address(), 2};
  FdTable& files = self.process().files();
  if (auto written = out.write(self.space(), std::array{0, 0}); !written) return written;
  const auto kind = check_kind(domain, type, protocol);
  if (!kind) return fail(kind.error());
  set_socket_caller(running_credentials);
  auto a = UnixSocket::make(kind->type, kind->flags & abi::sock_nonblock);
  auto b = UnixSocket::make(kind->type, kind->flags & abi::sock_nonblock);
  if (!a || !b) return fail(Errno::enomem);
  UnixEndpoint::connect_pair((*a)->endpoint(), (*b)->endpoint(), credentials_of(self));
  const bool close_on_exec = (kind->flags & abi::sock_cloexec) != 0;
  const auto first = files.add(std::move(*a), close_on_exec);
  if (!first) return fail(first.error());
  const auto second = files.add(std::move(*b), close_on_exec);
  if (!second) {
    (void)files.close(*first);
    return fail(second.error());
  }
  return out.write(self.space(), std::array{*first, *second});
}

/// linux: A socket cannot be bound to a path in a folder of the host (EPERM).
Result<> bind(Thread& self, int fd, std::uintptr_t address, int length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto given = read_address(self, address, length);
  if (!given) return fail(given.error());
  return bind_unix(self, (*socket)->unix_socket()->endpoint(), *given);
}

/// linux: none known
Result<> listen(Thread& self, int fd, int backlog) {
  constexpr unsigned most_connections = 4096;  // net.core.somaxconn
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return (*socket)->listen(std::min(static_cast<unsigned>(backlog), most_connections),
                           credentials_of(self));
}

/// flags: SOCK_CLOEXEC, SOCK_NONBLOCK; EINVAL for others
/// linux: none known
trap::Answer<Result<int>> accept4(Thread& self, int fd, std::uintptr_t address, UserPtr<int> length,
                                  int flags) {
  if (self.process().files().find_open(fd) == nullptr) return fail(Errno::ebadf);
  if ((flags & ~socket_flags) != 0) return fail(Errno::einval);
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const Accepting accepting{.flags = flags, .address = address, .length = length};
  if (accepting.lacks_pages(self)) return fail(Errno::would_block);
  const auto accepted = accepting.accept(self, **socket);
  if (accepted || accepted.error() != Errno::would_block) return accepted;
  if (never_waits(**socket, 0)) return fail(Errno::eagain);
  return self.wait([&] { return finish_accepting(self, Ref<File>::share(**socket), accepting); });
}

/// linux: none known
trap::Answer<Result<int>> accept(Thread& self, int fd, std::uintptr_t address,
                                 UserPtr<int> length) {
  return accept4(self, fd, address, length, 0);
}

/// linux: none known
trap::Answer<Result<>> connect(Thread& self, int fd, std::uintptr_t address, int length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto given = read_address(self, address, length);
  if (!given) return fail(given.error());
  return connect_unix(self, *(*socket)->unix_socket(), *given);
}

/// linux: none known
Result<> getsockname(Thread& self, int fd, std::uintptr_t address, UserPtr<int> length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return write_address(self, shown_address((*socket)->name(), (*socket)->kind().domain), address,
                       length);
}

/// linux: none known
Result<> getpeername(Thread& self, int fd, std::uintptr_t address, UserPtr<int> length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto name = (*socket)->peer_name();
  if (!name) return fail(name.error());
  return write_address(self, shown_address(*name, (*socket)->kind().domain), address, length);
}

/// flags: SHUT_RD, SHUT_WR, SHUT_RDWR; EINVAL for others
/// linux: none known
Result<> shutdown(Thread& self, int fd, int how) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  if (how < abi::shut_rd || how > abi::shut_rdwr) return fail(Errno::einval);
  return (*socket)->shutdown(how);
}

}  // namespace sys

KERNEL_CALL(socket, sys::socket);
KERNEL_CALL(socketpair, sys::socketpair);
KERNEL_CALL(bind, sys::bind);
KERNEL_CALL(listen, sys::listen);
KERNEL_CALL(accept, sys::accept);
KERNEL_CALL(accept4, sys::accept4);
KERNEL_CALL(connect, sys::connect);
KERNEL_CALL(getsockname, sys::getsockname);
KERNEL_CALL(getpeername, sys::getpeername);
KERNEL_CALL(shutdown, sys::shutdown);

}  // namespace kernel
