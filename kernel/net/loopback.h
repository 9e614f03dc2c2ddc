// The loopback device `lo`: a queue of packets to this machine.
#pragma once

struct netif;
struct pbuf;

namespace kernel::net {

/// Adds the device to lwIP. Call it once, at the start of the network.
void make_loopback();
netif& loopback();
/// The packets that have passed through the device, and their bytes.
struct LoopbackCounts {
  unsigned long packets = 0;
  unsigned long bytes = 0;
};
LoopbackCounts loopback_counts();
/// Takes the first packet out of the queue, and lets the device have the packet's destination as
/// its address: lwIP accepts a packet only then. Null: the queue is empty.
pbuf* next_loopback();
bool is_loopback_empty();

}  // namespace kernel::net
