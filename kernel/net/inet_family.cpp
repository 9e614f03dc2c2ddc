// The families AF_INET and AF_INET6.
#include "files/socket.h"
#include "net/devices.h"
#include "net/stack.h"
#include "net/tcp_socket.h"
#include "net/udp_socket.h"

namespace kernel {
namespace {

template <int domain>
Result<Ref<Socket>> make(int type, int protocol, int flags) {
  if (protocol < 0 || protocol >= abi::ipproto_max) return fail(Errno::einval);
  const bool is_stream = type == abi::sock_stream, is_datagram = type == abi::sock_dgram;
  if (type == abi::sock_raw) return fail(Errno::eprotonosupport);
  if (!is_stream && !is_datagram) return fail(Errno::esocktnosupport);
  const int own = is_stream ? abi::ipproto_tcp : abi::ipproto_udp;
  const bool is_lite = is_datagram && protocol == abi::ipproto_udplite;
  if (protocol != 0 && protocol != own && !is_lite) return fail(Errno::eprotonosupport);
  if (auto started = net::start(); !started) return fail(started.error());
  return is_stream ? net::TcpSocket::make(domain, flags)
                   : net::UdpSocket::make(domain, is_lite ? protocol : own, flags);
}

constexpr SocketFamily inet_family{.name = "inet",
                                   .domain = abi::af_inet,
                                   .make = &make<abi::af_inet>,
                                   .connect_pair = nullptr,
                                   .control_devices = &net::control_devices};
constexpr SocketFamily inet6_family{.name = "inet6",
                                    .domain = abi::af_inet6,
                                    .make = &make<abi::af_inet6>,
                                    .connect_pair = nullptr};

}  // namespace

KERNEL_SOCKET_FAMILY("inet", inet_family);
KERNEL_SOCKET_FAMILY("inet6", inet6_family);

}  // namespace kernel
