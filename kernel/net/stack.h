// lwIP, behind the sockets of AF_INET and AF_INET6. All of it runs in the strand.
//
//   a socket's call                       a frame of a network device
//     │ send, connect, close, …             │ input(device, frame)
//     ▼                                     ▼
//   lwIP ── a packet to this machine ──▶ the loopback queue ── deliver() ──▶ lwIP ──▶ callbacks
//
// lwIP searches lists of all connections and sockets. This kernel finds them itself (ports.h,
// tcp_table.h). While lwIP handles a packet, its lists hold only the connections or the socket that
// may receive the packet. Otherwise they are empty.
//
// A callback of lwIP only changes its socket and wakes jobs. It does not call lwIP. After each call
// of lwIP that may send a packet, the caller calls deliver().
#pragma once

#include <kernel/result.h>

struct ip_addr;
struct netif;
struct pbuf;

namespace kernel::net {

/// Initialises lwIP and the loopback device at the first call. In the strand, as all functions
/// here. ENOMEM.
Result<> start();

/// Passes the packets in the loopback queue to lwIP, until the queue is empty. If there are very
/// many, it leaves the rest to the job of lwIP's timers. Calls note_activity().
void deliver();
/// Lets lwIP's timers run if they are needed (tcp_table.h).
void note_activity();

/// Passes a frame of an Ethernet device to lwIP, and calls deliver(). Takes ownership of `frame`.
void input(netif& device, pbuf* frame);

/// Lets the timers of devices run from now on: those of ARP, neighbour discovery, DHCP and
/// reassembly. start() has been called.
void start_link_timers();

/// Whether this machine has the address: 127.0.0.0/8, ::1, and those of devices.
bool is_local(const ip_addr& ip);

}  // namespace kernel::net
