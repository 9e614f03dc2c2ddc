// Sockets: the constants and structures of Linux riscv64. Source:
// linux/{socket,net,un,in,in6,tcp}.h, asm-generic/socket.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// Address families: the domain of a socket
inline constexpr int af_unspec = 0;
inline constexpr int af_unix = 1;
inline constexpr int af_inet = 2;
inline constexpr int af_inet6 = 10;
inline constexpr int af_netlink = 16;
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
inline constexpr int msg_dontroute = 4;
inline constexpr int msg_ctrunc = 8;
inline constexpr int msg_trunc = 0x20;
inline constexpr int msg_dontwait = 0x40;
inline constexpr int msg_eor = 0x80;
inline constexpr int msg_waitall = 0x100;
inline constexpr int msg_errqueue = 0x2000;
inline constexpr int msg_nosignal = 0x4000;
inline constexpr int msg_more = 0x8000;
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

// Protocols of AF_INET and AF_INET6. They are levels of getsockopt and setsockopt, too.
inline constexpr int ipproto_ip = 0;
inline constexpr int ipproto_icmp = 1;
inline constexpr int ipproto_tcp = 6;
inline constexpr int ipproto_udp = 17;
inline constexpr int ipproto_ipv6 = 41;
inline constexpr int ipproto_icmpv6 = 58;
inline constexpr int ipproto_udplite = 136;
inline constexpr int ipproto_raw = 255;
inline constexpr int ipproto_max = 263;

// Options of the level ipproto_ip
inline constexpr int ip_tos = 1;
inline constexpr int ip_ttl = 2;
inline constexpr int ip_pktinfo = 8;
inline constexpr int ip_mtu_discover = 10;
inline constexpr int ip_recverr = 11;
inline constexpr int ip_recvttl = 12;
inline constexpr int ip_recvtos = 13;
inline constexpr int ip_mtu = 14;
inline constexpr int ip_freebind = 15;
inline constexpr int ip_recvorigdstaddr = 20;
inline constexpr int ip_minttl = 21;
inline constexpr int ip_bind_address_no_port = 24;
inline constexpr int ip_multicast_if = 32;
inline constexpr int ip_multicast_ttl = 33;
inline constexpr int ip_multicast_loop = 34;
inline constexpr int ip_add_membership = 35;
inline constexpr int ip_drop_membership = 36;

// Options of the level ipproto_ipv6
inline constexpr int ipv6_unicast_hops = 16;
inline constexpr int ipv6_multicast_if = 17;
inline constexpr int ipv6_multicast_hops = 18;
inline constexpr int ipv6_multicast_loop = 19;
inline constexpr int ipv6_add_membership = 20;
inline constexpr int ipv6_drop_membership = 21;
inline constexpr int ipv6_mtu_discover = 23;
inline constexpr int ipv6_mtu = 24;
inline constexpr int ipv6_recverr = 25;
inline constexpr int ipv6_v6only = 26;
inline constexpr int ipv6_recvpktinfo = 49;
inline constexpr int ipv6_pktinfo = 50;
inline constexpr int ipv6_recvhoplimit = 51;
inline constexpr int ipv6_hoplimit = 52;
inline constexpr int ipv6_recvtclass = 66;
inline constexpr int ipv6_tclass = 67;

// Options of the level ipproto_tcp
inline constexpr int tcp_nodelay = 1;
inline constexpr int tcp_maxseg = 2;
inline constexpr int tcp_cork = 3;
inline constexpr int tcp_keepidle = 4;
inline constexpr int tcp_keepintvl = 5;
inline constexpr int tcp_keepcnt = 6;
inline constexpr int tcp_syncnt = 7;
inline constexpr int tcp_linger2 = 8;
inline constexpr int tcp_defer_accept = 9;
inline constexpr int tcp_window_clamp = 10;
inline constexpr int tcp_info = 11;
inline constexpr int tcp_quickack = 12;
inline constexpr int tcp_congestion = 13;
inline constexpr int tcp_user_timeout = 18;
inline constexpr int tcp_notsent_lowat = 25;

struct InetAddress {  // sockaddr_in
  std::uint16_t family;
  std::uint16_t port;     // in network byte order
  std::uint32_t address;  // in network byte order
  std::uint8_t zeros[8];
};
static_assert(sizeof(InetAddress) == 16);
struct Inet6Address {  // sockaddr_in6
  std::uint16_t family;
  std::uint16_t port;  // in network byte order
  std::uint32_t flow;
  std::uint32_t address[4];  // in network byte order
  std::uint32_t scope;
};
static_assert(sizeof(Inet6Address) == 28);
inline constexpr std::size_t shortest_inet6_address = 24;  // without the scope

struct NetlinkAddress {  // sockaddr_nl
  std::uint16_t family;
  std::uint16_t padding;
  std::uint32_t port;
  std::uint32_t groups;
};
static_assert(sizeof(NetlinkAddress) == 12);
struct NetlinkHeader {   // nlmsghdr
  std::uint32_t length;  // with the header
  std::uint16_t type;
  std::uint16_t flags;
  std::uint32_t sequence;
  std::uint32_t port;
};
static_assert(sizeof(NetlinkHeader) == 16);
struct LinkMessage {  // ifinfomsg
  std::uint8_t family;
  std::uint8_t padding;
  std::uint16_t kind;
  std::int32_t device;
  std::uint32_t flags;
  std::uint32_t changed;
};
static_assert(sizeof(LinkMessage) == 16);
struct AddressMessage {  // ifaddrmsg
  std::uint8_t family;
  std::uint8_t prefix;
  std::uint8_t flags;
  std::uint8_t scope;
  std::uint32_t device;
};
static_assert(sizeof(AddressMessage) == 8);
struct RouteMessage {  // rtmsg
  std::uint8_t family;
  std::uint8_t destination_length;
  std::uint8_t source_length;
  std::uint8_t tos;
  std::uint8_t table;
  std::uint8_t protocol;
  std::uint8_t scope;
  std::uint8_t type;
  std::uint32_t flags;
};
static_assert(sizeof(RouteMessage) == 12);

struct PacketInfo {  // in_pktinfo
  std::int32_t device;
  std::uint32_t local;  // both addresses are in network byte order
  std::uint32_t destination;
};
static_assert(sizeof(PacketInfo) == 12);
struct Packet6Info {  // in6_pktinfo
  std::uint32_t destination[4];
  std::int32_t device;
};
static_assert(sizeof(Packet6Info) == 20);

struct TcpInfo {  // the first members of tcp_info, which this kernel sets
  std::uint8_t state, congestion_state, retransmits, probes, backoff, options, scales, flags;
  std::uint32_t retransmit_timeout, ack_timeout, send_mss, receive_mss;
  std::uint32_t unacked, sacked, lost, retransmitted, forward_acked;
  std::uint32_t last_data_sent, last_ack_sent, last_data_received, last_ack_received;
  std::uint32_t path_mtu, receive_threshold, rtt, rtt_variation, send_threshold, send_window;
  std::uint32_t advertised_mss, reordering;
};
static_assert(sizeof(TcpInfo) == 92);

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
inline constexpr unsigned long siocgifname = 0x8910;
inline constexpr unsigned long siocgifconf = 0x8912;
inline constexpr unsigned long siocgifflags = 0x8913;
inline constexpr unsigned long siocgifaddr = 0x8915;
inline constexpr unsigned long siocgifbrdaddr = 0x8919;
inline constexpr unsigned long siocgifnetmask = 0x891b;
inline constexpr unsigned long siocgifmtu = 0x8921;
inline constexpr unsigned long siocgifhwaddr = 0x8927;
inline constexpr unsigned long siocgifindex = 0x8933;

struct InterfaceList {  // ifconf
  std::int32_t length;  // bytes
  std::uint32_t padding;
  std::uintptr_t requests;
};
static_assert(sizeof(InterfaceList) == 16);
struct InterfaceRequest {  // ifreq
  char name[16];
  std::uint8_t value[24];
};
static_assert(sizeof(InterfaceRequest) == 40);

}  // namespace abi
