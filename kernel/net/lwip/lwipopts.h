// The configuration of lwIP (lwip/opt.h). One strand runs all of it, and all its memory is the
// kernel's heap.
#pragma once

// ── The platform ──

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TIMERS 1
#define LWIP_TIMERS_CUSTOM 1  // stack.cpp calls lwIP's timers
#define LWIP_STATS 0

#define MEM_ALIGNMENT 8
#define MEM_CUSTOM_ALLOCATOR 1
#define MEMP_MEM_MALLOC 1
#define MEM_CUSTOM_MALLOC cotrap_lwip_allocate
#define MEM_CUSTOM_CALLOC cotrap_lwip_allocate_zeros
#define MEM_CUSTOM_FREE cotrap_lwip_release

// ── Layers ──

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ARP 1
#define LWIP_ETHERNET 1
#define LWIP_ICMP 1
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_UDPLITE 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define LWIP_DNS 1  // DHCP stores the servers' addresses; programs ask the servers themselves
#define LWIP_DHCP_PROVIDE_DNS_SERVERS 1
#define LWIP_NETIF_HOSTNAME 1
#define IP_FORWARD 0
#define IP_REASSEMBLY 1
// The most fragments that lwIP keeps. It counts the bytes of a datagram in 16 bits. ethernet.cpp
// checks that the fragments have no more.
#define IP_REASS_MAX_PBUFS 43
#define IP_FRAG 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_REASS 1
#define IPV6_FRAG_COPYHEADER 1  // with pointers of 64 bits its notes are longer than the header
// The loopback device is one of net/loopback.cpp.
#define LWIP_HAVE_LOOPIF 0
#define LWIP_NETIF_LOOPBACK 0
// Packets of the loopback device have no checksums.
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
// Functions of stack.cpp that lwIP calls.
#define LWIP_HOOK_FILENAME "hooks.h"
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) cotrap_lwip_first_sequence()
#define LWIP_HOOK_IP4_ROUTE_SRC(source, destination) cotrap_lwip_route_ip4(destination)
#define LWIP_HOOK_IP6_ROUTE(source, destination) cotrap_lwip_route_ip6(destination)

// ── TCP ──

// A segment with its headers and lwIP's data fits in four pages.
#define TCP_MSS 16128
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 3
#define TCP_WND (256 * 1024)
// Half of the window of a peer without window scaling, which would otherwise wait for a larger one.
#define TCP_WND_UPDATE_THRESHOLD (32 * 1024)
#define TCP_SND_BUF (256 * 1024)
#define TCP_SND_QUEUELEN 2048
#define TCP_SNDLOWAT 1000  // unused
#define TCP_OVERSIZE 1024
#define PBUF_POOL_BUFSIZE 1984  // with its header 2 KiB
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 256
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_RTO_TIME 1000       // RFC 6298
#define TCP_SYNMAXRTX 7              // connect() fails after 127 s, as on Linux (net/tcp_table.cpp)
#define TCP_MSL 30000                // TIME_WAIT lasts for 60 s, as on Linux
#define TCP_LISTEN_BACKLOG 0         // net/tcp_socket.cpp counts
#define LWIP_TCP_PCB_NUM_EXT_ARGS 2  // the binding and the socket
#define SO_REUSE 0                   // net/ports.cpp checks
