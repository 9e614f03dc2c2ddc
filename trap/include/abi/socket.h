// Sockets: the constants and structures of Linux riscv64. Source: linux/{socket,net,un}.h,
// asm-generic/socket.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// Address families: the domain of a socket
inline constexpr int af_unspec = 0;
inline constexpr int af_unix = 1;
inline constexpr int af_inet = 2;
inline constexpr int af_inet6 = 10;
inline constexpr int af_max = 46;

// socket: types, and flags beside the type
inline constexpr int sock_stream = 1;
inline constexpr int sock_dgram = 2;
inline constexpr int sock_raw = 3;
inline constexpr int sock_seqpacket = 5;
inline constexpr int sock_type_mask = 15;
inline constexpr int sock_max_type = 11;
inline constexpr int sock_nonblock = 04000;
inline constexpr int sock_cloexec = 02000000;

// shutdown
inline constexpr int shut_rd = 0;
inline constexpr int shut_wr = 1;
inline constexpr int shut_rdwr = 2;

// sendmsg, recvmsg
inline constexpr int msg_oob = 1;
inline constexpr int msg_peek = 2;
inline constexpr int msg_ctrunc = 8;
inline constexpr int msg_trunc = 0x20;
inline constexpr int msg_dontwait = 0x40;
inline constexpr int msg_eor = 0x80;
inline constexpr int msg_waitall = 0x100;
inline constexpr int msg_nosignal = 0x4000;
inline constexpr int msg_waitforone = 0x10000;
inline constexpr int msg_cmsg_cloexec = 0x40000000;

inline constexpr int sol_socket = 1;
inline constexpr int scm_rights = 1;
inline constexpr int scm_credentials = 2;

// getsockopt, setsockopt
inline constexpr int so_debug = 1;
inline constexpr int so_reuseaddr = 2;
inline constexpr int so_type = 3;
inline constexpr int so_error = 4;
inline constexpr int so_dontroute = 5;
inline constexpr int so_broadcast = 6;
inline constexpr int so_sndbuf = 7;
inline constexpr int so_rcvbuf = 8;
inline constexpr int so_keepalive = 9;
inline constexpr int so_oobinline = 10;
inline constexpr int so_priority = 12;
inline constexpr int so_linger = 13;
inline constexpr int so_reuseport = 15;
inline constexpr int so_passcred = 16;
inline constexpr int so_peercred = 17;
inline constexpr int so_rcvlowat = 18;
inline constexpr int so_sndlowat = 19;
inline constexpr int so_rcvtimeo = 20;
inline constexpr int so_sndtimeo = 21;
inline constexpr int so_acceptconn = 30;
inline constexpr int so_sndbufforce = 32;
inline constexpr int so_rcvbufforce = 33;
inline constexpr int so_protocol = 38;
inline constexpr int so_domain = 39;

struct UnixAddress {  // sockaddr_un
  std::uint16_t family;
  char path[108];
};
static_assert(sizeof(UnixAddress) == 110);
inline constexpr std::size_t longest_socket_address = 128;  // sockaddr_storage

struct MessageHeader {  // msghdr
  std::uintptr_t name;
  std::int32_t name_length;
  std::uint32_t padding_1;
  std::uintptr_t parts;
  std::size_t part_count;
  std::uintptr_t control;
  std::size_t control_length;
  std::uint32_t flags;
  std::uint32_t padding_2;
};
static_assert(sizeof(MessageHeader) == 56 && offsetof(MessageHeader, flags) == 48);

struct MessageOfMany {  // mmsghdr
  MessageHeader header;
  std::uint32_t length;
  std::uint32_t padding;
};
static_assert(sizeof(MessageOfMany) == 64);

struct ControlHeader {  // cmsghdr
  std::size_t length;   // of the header and its data
  std::int32_t level;
  std::int32_t type;
};
static_assert(sizeof(ControlHeader) == 16);

struct Credentials {  // ucred
  std::int32_t pid;
  std::uint32_t uid;
  std::uint32_t gid;
};
struct Linger {
  std::int32_t is_on;
  std::int32_t seconds;
};

inline constexpr unsigned long siocoutq = 0x5411;

}  // namespace abi
