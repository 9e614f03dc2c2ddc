#include "files/unix_socket.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

constexpr std::size_t path_offset = UnixEndpoint::path_offset;

/// EINVAL: `address` is none of the family AF_UNIX.
Result<> check_unix_address(const SocketAddress& address) {
  if (address.length <= path_offset || address.length > sizeof(abi::UnixAddress) ||
      family_of(address) != abi::af_unix)
    return fail(Errno::einval);
  return {};
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

/// The socket with this name. ECONNREFUSED: there is none; EPROTOTYPE: it is of another type;
/// errors of SocketCaller::find() and of check_unix_address().
Result<Ref<UnixEndpoint>> find_unix(SocketCaller& caller, const SocketAddress& address, int type) {
  if (auto valid = check_unix_address(address); !valid) return fail(valid.error());
  UnixEndpoint* endpoint = nullptr;
  if (is_abstract(address)) {
    endpoint = UnixEndpoint::find_abstract(address);
  } else {
    const auto node = caller.find(path_of(address));
    if (!node) return fail(node.error());
    if ((*node)->type() == abi::s_ifsock && !(*node)->is_remote())
      endpoint = static_cast<SocketNode&>(**node).endpoint();
  }
  if (endpoint == nullptr) return fail(Errno::econnrefused);
  if (endpoint->type() != type) return fail(Errno::eprototype);
  return Ref<UnixEndpoint>::share(*endpoint);
}

}  // namespace

UnixSocket::UnixSocket(Ref<UnixEndpoint> endpoint, int flags)
    : Socket{{.domain = abi::af_unix, .type = endpoint->type(), .protocol = 0},
             flags,
             endpoint->is_stream() ? Pipe::atomic_size : IoBuffer::longest},
      endpoint_{std::move(endpoint)} {
  if (!endpoint_->is_stream()) return;
  be_stream();
  let_wait_sharing();
}

UnixSocket::~UnixSocket() {
  endpoint_->end();
  PassedFiles::collect_if_needed();
}

Result<Ref<UnixSocket>> UnixSocket::make(int type, int flags) {
  if (!memory::can_allocate(sizeof(UnixSocket) + UnixEndpoint::bytes_for(type)))
    return fail(Errno::enomem);
  return make_ref<UnixSocket>(make_ref<UnixEndpoint>(type), flags);
}

Result<> UnixSocket::bind(SocketCaller& caller, const SocketAddress& address) {
  if (address.length == path_offset && family_of(address) == abi::af_unix)
    return name().length != 0 ? Result<>{} : endpoint_->bind_to_any();
  if (auto valid = check_unix_address(address); !valid) return valid;
  if (is_abstract(address)) return endpoint_->bind_abstract(address);
  const std::string_view path = path_of(address);
  auto node = caller.make_name(path, name().length != 0);
  if (!node) return fail(node.error());
  SocketAddress whole = address;
  whole.length = static_cast<std::uint32_t>(path_offset + path.size() + 1);
  whole.bytes[whole.length - 1] = std::byte{0};
  return endpoint_->bind(whole, std::move(*node));
}

Result<> UnixSocket::connect(SocketCaller& caller, const SocketAddress& address, Destination& to) {
  const bool is_datagram = kind().type == abi::sock_dgram;
  const bool has_waited = static_cast<bool>(to.endpoint);
  if (!has_waited) {
    if (is_datagram && family_of(address) == abi::af_unspec && address.length >= path_offset)
      return endpoint_->connect_datagrams(nullptr);
    if (auto valid = check_unix_address(address); !valid) return valid;
    if (has_option(abi::so_passcred)) {
      if (auto bound = endpoint_->bind_to_any(); !bound) return bound;
    }
    auto found = find_unix(caller, address, kind().type);
    if (!found) return fail(found.error());
    if (is_datagram) return endpoint_->connect_datagrams(found->get());
    to.endpoint = std::move(*found);
  }
  const auto connected = endpoint_->connect(*to.endpoint, caller.credentials());
  if (connected) return connected;
  if (connected.error() == Errno::would_block)
    return fail(is_nonblocking() ? Errno::eagain : Errno::would_block);
  if (has_waited) to.endpoint->room().wake_one();
  return connected;
}

Result<> UnixSocket::prepare_send(SocketCaller& caller, const SocketAddress& to,
                                  Outgoing& message) {
  const int type = kind().type;
  if (to.length > 0 && type == abi::sock_stream) {
    const bool is_connected = endpoint_->state() == UnixEndpoint::State::connected;
    return fail(is_connected ? Errno::eisconn : Errno::enotsup);
  }
  if (to.length > 0 && type == abi::sock_dgram) {  // seqpacket: Linux ignores the address
    auto found = find_unix(caller, to, type);
    if (!found) return fail(found.error());
    message.to.endpoint = std::move(*found);
  }
  if (has_option(abi::so_passcred) && type != abi::sock_stream) return endpoint_->bind_to_any();
  return {};
}

void UnixSocket::options_changed() {
  endpoint_->set_passes_credentials(has_option(abi::so_passcred));
  endpoint_->set_send_limit(options().send_buffer);
  if (endpoint_->is_stream())
    (void)endpoint_->out().pipe().set_capacity(
        std::min<std::size_t>(options().send_buffer, Pipe::most_capacity));
}

Result<> UnixSocket::listen(unsigned backlog, abi::Credentials self) {
  return endpoint_->listen(backlog, self);
}

Result<Ref<Socket>> UnixSocket::accept(int flags) {
  if (!is_connection_based()) return fail(Errno::enotsup);
  if (!is_listening()) return fail(Errno::einval);
  if (!endpoint_->has_connections())
    return fail((readiness() & abi::pollrdhup) != 0 ? Errno::einval : Errno::would_block);
  if (!memory::can_allocate(sizeof(UnixSocket))) return fail(Errno::enomem);
  auto accepted = make_ref<UnixSocket>(endpoint_->take_connection(), flags);
  if (has_option(abi::so_passcred)) accepted->set_option(abi::so_passcred, true);
  return Ref<Socket>{std::move(accepted)};
}

Result<> UnixSocket::shutdown(int how) {
  endpoint_->shut(how != abi::shut_wr, how != abi::shut_rd);
  return {};
}

Result<SocketAddress> UnixSocket::peer_name() const {
  if (endpoint_->peer() == nullptr) return fail(Errno::enotconn);
  return endpoint_->peer()->name();
}

Result<std::size_t> UnixSocket::send(IoBuffer& from, Outgoing& message) {
  if ((message.flags & abi::msg_oob) != 0) return fail(Errno::enotsup);
  return endpoint_->is_stream() ? endpoint_->write_stream(from, message)
                                : endpoint_->send_message(from, message);
}

Result<std::size_t> UnixSocket::receive(IoBuffer& to, Incoming& message) {
  if ((message.flags & abi::msg_oob) != 0)
    return fail(endpoint_->is_stream() ? Errno::einval : Errno::enotsup);
  return endpoint_->is_stream() ? endpoint_->read_stream(to, message)
                                : endpoint_->receive_message(to, message);
}

bool UnixSocket::has_bytes(std::size_t count) {
  return !endpoint_->is_stream() || endpoint_->in().has_ended() || endpoint_->next_size() >= count;
}

bool UnixSocket::is_plain_stream() const {
  return endpoint_->is_stream() && endpoint_->state() == UnixEndpoint::State::connected &&
         !has_option(abi::so_passcred) && !waits_for_device();
}

Result<std::size_t> UnixSocket::try_read(IoBuffer& buffer) {
  if (is_plain_stream() && !endpoint_->in().has_marks()) [[likely]] {
    const auto moved = endpoint_->in().pipe().read(buffer);
    if (!moved || *moved != 0) [[likely]]
      return moved;
  }
  if (waits_for_device()) return fail(Errno::would_block);
  Incoming message{.flags = is_nonblocking() ? abi::msg_dontwait : 0};
  return receive(buffer, message);
}

Result<std::size_t> UnixSocket::try_write(IoBuffer& buffer) {
  if (is_plain_stream() && !endpoint_->notes_senders()) [[likely]]
    return endpoint_->out().pipe().write(buffer);
  if (waits_for_device()) return fail(Errno::would_block);
  Outgoing message;
  return send(buffer, message);
}

// Only the strand changes the state, the options and the marks.

Result<std::size_t> UnixSocket::read_sharing(const ReadBytes& to) {
  if (!is_plain_stream() || endpoint_->in().has_marks()) return fail(Errno::would_block);
  return endpoint_->in().pipe().read_sharing(to);
}

Result<std::size_t> UnixSocket::write_sharing(const WrittenBytes& from) {
  if (!is_plain_stream() || endpoint_->notes_senders()) return fail(Errno::would_block);
  return endpoint_->out().pipe().write_sharing(from);
}

bool UnixSocket::wait_sharing(std::coroutine_handle<> reader) {
  return is_plain_stream() && endpoint_->in().pipe().wait_sharing(reader);
}

bool UnixSocket::is_watched_sharing() {
  return is_plain_stream() && !endpoint_->in().has_ended() && !endpoint_->out().has_ended();
}

bool UnixSocket::watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) {
  return is_plain_stream() && endpoint_->in().pipe().watch_sharing(watcher, reader, while_ready);
}

Result<short> UnixSocket::readiness_sharing() {
  if (!is_watched_sharing()) return fail(Errno::would_block);
  const bool can_read = endpoint_->in().pipe().filled_sharing() > 0;
  const bool can_write = endpoint_->out().pipe().can_write_sharing();
  return static_cast<short>((can_read ? abi::pollin | abi::pollrdnorm : 0) |
                            (can_write ? abi::pollout | abi::pollwrnorm | abi::pollwrband : 0));
}

void UnixSocket::stop_sharing(async::Observer& reader) {
  if (endpoint_->is_stream()) endpoint_->in().pipe().stop_sharing(reader);
}

abi::Stat UnixSocket::status() {
  return {
      .device = 1,
      .inode = reinterpret_cast<std::uintptr_t>(endpoint_.get()) >> 3 & 0xffff'ffff,
      .mode = abi::s_ifsock | 0777,
      .links = 1,
      .block_size = hal::page_size,
  };
}

Result<int> UnixSocket::control(memory::AddressSpace& space, unsigned long request,
                                std::uintptr_t argument) {
  std::size_t answer = 0;
  switch (request) {
    case abi::fionread:
      if (is_listening()) return fail(Errno::einval);
      answer = endpoint_->next_size();
      break;
    case abi::siocoutq:
      answer =
          endpoint_->is_stream() ? endpoint_->out().pipe().filled() : endpoint_->unreceived_bytes();
      break;
    default: return Socket::control(space, request, argument);
  }
  const auto written = UserPtr<int>{argument}.write(space, static_cast<int>(answer));
  if (!written) return fail(written.error());
  return 0;
}

namespace {

Result<Ref<Socket>> make_unix_socket(int type, int protocol, int flags) {
  if (protocol != 0 && protocol != abi::af_unix) return fail(Errno::eprotonosupport);
  if (type == abi::sock_raw) type = abi::sock_dgram;
  if (type != abi::sock_stream && type != abi::sock_dgram && type != abi::sock_seqpacket)
    return fail(Errno::esocktnosupport);
  auto made = UnixSocket::make(type, flags);
  if (!made) return fail(made.error());
  return Ref<Socket>{std::move(*made)};
}
void connect_unix_pair(Socket& a, Socket& b, abi::Credentials creator) {
  UnixEndpoint::connect_pair(static_cast<UnixSocket&>(a).endpoint(),
                             static_cast<UnixSocket&>(b).endpoint(), creator);
}

constexpr SocketFamily unix_family{.name = "unix",
                                   .domain = abi::af_unix,
                                   .make = &make_unix_socket,
                                   .connect_pair = &connect_unix_pair};

}  // namespace

KERNEL_SOCKET_FAMILY("unix", unix_family);

}  // namespace kernel
