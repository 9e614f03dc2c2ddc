// Making, naming and connecting sockets.
#include "syscalls/sockets.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "files/path_lookup.h"
#include "files/unix_endpoint.h"
#include "process/page_in.h"
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

abi::Credentials running_credentials() {
  Runnable* const running = current.thread;
  if (running == nullptr) return {.pid = 0, .uid = 65534, .gid = 65534};  // Linux's overflow IDs
  return credentials_of(static_cast<Thread&>(*running));
}

/// An address without a name has only its family.
SocketAddress shown_address(SocketAddress address, int domain) {
  if (address.length != 0) return address;
  const auto family = static_cast<std::uint16_t>(domain);
  std::memcpy(address.bytes.data(), &family, sizeof family);
  address.length = sizeof family;
  return address;
}

/// Waits until the connection exists.
async::Task<Result<>> finish_connecting(Thread& self, Ref<File> file, SocketAddress address,
                                        Destination to) {
  Socket& socket = *file->socket();
  CallingThread caller{self};
  const async::Instant deadline = end_of_wait(socket.options().send_timeout);
  for (;;) {
    const auto woken = co_await socket.room_to_connect(to)->wait_until(deadline, "connect");
    if (woken == async::WaitResult::timed_out) co_return fail(socket.connect_timeout());
    if (woken != async::WaitResult::woken) co_return fail(Errno::eintr);
    const DespiteNonblock has_begun_to_wait;
    const auto connected = socket.connect(caller, address, to);
    if (!blocks(connected)) co_return connected;
  }
}

/// The handler has checked the arguments.
struct Accepting {
  int flags;
  std::uintptr_t address;
  UserPtr<int> length;
  Ref<File>* opened = nullptr;  ///< receives the connection; null: it gets a descriptor

  bool lacks_pages(Thread& self) const {
    if (address == 0) return false;
    const auto room = length.read(self.space());
    if (!room) return room.error() == Errno::would_block;
    const auto size = static_cast<std::size_t>(std::clamp<int>(*room, 0, sizeof(SocketAddress)));
    return sys::lacks_pages(self, length.address(), sizeof(int)) ||
           sys::lacks_pages(self, address, size);
  }
  /// Takes a connection out of the queue. Returns its descriptor, or 0 with `opened`. EMFILE: the
  /// connection stays in the queue. EFAULT: the connection is closed.
  Result<int> accept(Thread& self, Socket& socket) const {
    if (opened != nullptr) {
      auto connection = take(self, socket);
      if (!connection) return fail(connection.error());
      *opened = std::move(*connection);
      return 0;
    }
    FdTable& files = self.process().files();
    const bool close_on_exec = (flags & abi::sock_cloexec) != 0;
    const auto fd = files.add(Ref<File>::share(socket), close_on_exec);  // reserves the number
    if (!fd) return fd;
    auto connection = take(self, socket);
    const auto done = connection ? files.set(*fd, std::move(*connection), close_on_exec)
                                 : fail(connection.error());
    if (done) return fd;
    (void)files.close(*fd);
    return fail(done.error());
  }

 private:
  /// Takes a connection, and writes its address to the program.
  Result<Ref<Socket>> take(Thread& self, Socket& socket) const {
    auto connection = socket.accept(flags & abi::sock_nonblock);
    if (!connection || address == 0) return connection;
    const auto written = (*connection)->peer_name().and_then([&](const SocketAddress& peer) {
      return write_address(self, shown_address(peer, socket.kind().domain), address, length);
    });
    if (!written) return fail(written.error());
    return connection;
  }
};

/// Pages in the memory that accept() writes, and waits for a connection. Without `waits`, fails
/// with EAGAIN instead.
async::Task<Result<int>> finish_accepting(Thread& self, Ref<File> file, Accepting accepting,
                                          bool waits) {
  Socket& socket = *file->socket();
  const async::Instant deadline = end_of_wait(socket.options().receive_timeout);
  for (;;) {
    Result<> ready;
    if (accepting.lacks_pages(self)) {
      ready = co_await page_in_while(self, [&] { return accepting.lacks_pages(self); });
    }
    const auto accepted = ready ? accepting.accept(self, socket) : fail(ready.error());
    if (accepted) co_return accepted;
    if (accepted.error() != Errno::would_block) {
      socket.changes(Direction::read)->pass_wake();  // another thread may take the connection
      co_return accepted;
    }
    if (!waits) co_return fail(Errno::eagain);
    const auto woken = co_await socket.changes(Direction::read)->wait_until(deadline, "accept");
    if (woken != async::WaitResult::woken) co_return fail(wait_error(woken));
  }
}

}  // namespace

Result<Ref<Node>> CallingThread::find(std::string_view path) {
  const auto node = find_node(self_, abi::at_fdcwd, path, LastLink::follow);
  if (!node) return fail(node.error());
  return Ref<Node>::share(**node);
}

Result<Ref<SocketNode>> CallingThread::make_name(std::string_view path, bool has_name) {
  const auto found =
      lookup_from(self_, abi::at_fdcwd, path).and_then([&](const PathLookup& lookup) {
        return kernel::find(lookup, path, LastLink::name);
      });
  if (!found) return fail(found.error());
  if (found->node != nullptr || found->last != LastName::name) return fail(Errno::eaddrinuse);
  if (found->as_directory) return fail(Errno::enoent);
  if (auto allowed = check_new_node(*found, sizeof(SocketNode)); !allowed)
    return fail(allowed.error());
  if (found->directory->is_remote()) return fail(Errno::eperm);
  if (has_name) return fail(Errno::einval);
  auto node = make_ref<SocketNode>(0777 & ~self_.process().fs().umask());
  if (auto added = found->directory->add(found->name, node); !added) return fail(added.error());
  return node;
}

namespace {

constexpr int socket_flags = abi::sock_cloexec | abi::sock_nonblock;

/// The family of a new socket. EINVAL; EAFNOSUPPORT.
Result<const SocketFamily*> find_family(int domain, int type) {
  if (domain < 0 || domain >= abi::af_max) return fail(Errno::eafnosupport);
  if ((type & abi::sock_type_mask) >= abi::sock_max_type) return fail(Errno::einval);
  const SocketFamily* const family = socket_families().find(
      [domain](const SocketFamily& entry) { return entry.domain == domain; });
  if (family == nullptr) return fail(Errno::eafnosupport);
  set_socket_caller(running_credentials);
  return family;
}
Result<Ref<Socket>> make_socket(const SocketFamily& family, int type, int protocol) {
  return family.make(type & abi::sock_type_mask, protocol, type & abi::sock_nonblock);
}
/// The socket that the arguments of socket(2) describe.
Result<Ref<Socket>> make_socket(int domain, int type, int protocol) {
  if ((type & ~abi::sock_type_mask & ~socket_flags) != 0) return fail(Errno::einval);
  const auto family = find_family(domain, type);
  if (!family) return fail(family.error());
  return make_socket(**family, type, protocol);
}

}  // namespace

/// flags: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; SOCK_STREAM and SOCK_DGRAM, of AF_UNIX also
///   SOCK_SEQPACKET and SOCK_RAW, and of AF_NETLINK SOCK_RAW and SOCK_DGRAM, each with SOCK_CLOEXEC
///   and SOCK_NONBLOCK; EAFNOSUPPORT for other families, ESOCKTNOSUPPORT and EINVAL for other types
/// linux: There are no other families and no raw sockets of AF_INET. The protocols are TCP, UDP,
///   UDP-Lite and NETLINK_ROUTE. A netlink socket answers requests for devices, addresses and
///   routes; others fail with EPERM or EOPNOTSUPP, and no event is reported.
Result<int> socket(Thread& self, int domain, int type, int protocol) {
  auto made = make_socket(domain, type, protocol);
  if (!made) return fail(made.error());
  return self.process().files().add(std::move(*made), (type & abi::sock_cloexec) != 0);
}

Result<int> socket_into(Thread&, Ref<File>& opened, int domain, int type, int protocol) {
  auto made = make_socket(domain, type, protocol);
  if (!made) return fail(made.error());
  opened = std::move(*made);
  return 0;
}

/// flags: as `socket`, but only AF_UNIX; EOPNOTSUPP for other families
/// linux: As `socket`.
Result<> socketpair(Thread& self, int domain, int type, int protocol, UserPtr<int> ends) {
  if ((type & ~abi::sock_type_mask & ~socket_flags) != 0) return fail(Errno::einval);
  const UserSpan<int> out{ends.address(), 2};
  FdTable& files = self.process().files();
  if (auto written = out.write(self.space(), std::array{0, 0}); !written) return written;
  const auto family = find_family(domain, type);
  if (!family) return fail(family.error());
  auto a = make_socket(**family, type, protocol);
  if (!a) return fail(a.error());
  if ((*family)->connect_pair == nullptr) return fail(Errno::enotsup);
  auto b = make_socket(**family, type, protocol);
  if (!b) return fail(b.error());
  (*family)->connect_pair(**a, **b, credentials_of(self));
  const bool close_on_exec = (type & abi::sock_cloexec) != 0;
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
  CallingThread caller{self};
  return (*socket)->bind(caller, *given);
}

/// linux: none known
Result<> listen(Thread& self, int fd, int backlog) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return (*socket)->listen(std::min(static_cast<unsigned>(backlog), most_waiting_connections),
                           credentials_of(self));
}

static trap::Answer<Result<int>> accept_into(Thread& self, int fd, const Accepting& accepting) {
  const auto socket = socket_of(self, fd);
  const bool is_open = socket || socket.error() != Errno::ebadf;
  if (is_open && (accepting.flags & ~socket_flags) != 0) return fail(Errno::einval);
  if (!socket) return fail(socket.error());
  const bool waits = !never_waits(**socket, 0);
  if (!accepting.lacks_pages(self)) {
    const auto accepted = accepting.accept(self, **socket);
    if (!blocks(accepted)) return accepted;
    if (!waits) return fail(Errno::eagain);
  }
  return self.wait(
      [&] { return finish_accepting(self, Ref<File>::share(**socket), accepting, waits); });
}

/// flags: SOCK_CLOEXEC, SOCK_NONBLOCK; EINVAL for others
/// linux: none known
trap::Answer<Result<int>> accept4(Thread& self, int fd, std::uintptr_t address, UserPtr<int> length,
                                  int flags) {
  return accept_into(self, fd, {.flags = flags, .address = address, .length = length});
}

trap::Answer<Result<int>> accept4_into(Thread& self, Ref<File>& opened, int fd,
                                       std::uintptr_t address, UserPtr<int> length, int flags) {
  return accept_into(self, fd,
                     {.flags = flags, .address = address, .length = length, .opened = &opened});
}

/// linux: none known
trap::Answer<Result<int>> accept(Thread& self, int fd, std::uintptr_t address,
                                 UserPtr<int> length) {
  return accept4(self, fd, address, length, 0);
}

/// linux: A TCP socket cannot connect to its own address (ECONNREFUSED).
trap::Answer<Result<>> connect(Thread& self, int fd, std::uintptr_t address, int length) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto given = read_address(self, address, length);
  if (!given) return fail(given.error());
  CallingThread caller{self};
  Destination to;
  const auto connected = (*socket)->connect(caller, *given, to);
  if (!blocks(connected) || (*socket)->room_to_connect(to) == nullptr) return connected;
  return self.wait(
      [&] { return finish_connecting(self, Ref<File>::share(**socket), *given, std::move(to)); });
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
