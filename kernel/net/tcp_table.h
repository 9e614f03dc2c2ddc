// The connections of lwIP, in buckets. lwIP keeps all connections in two lists, and searches them
// for each packet. This kernel has two lists for each bucket of a hash over the addresses and ports
// of a connection, and lets lwIP see those of one bucket at a time. Strand data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lwip/tcp.h"

namespace kernel::net {

/// Allocates the buckets, unless they exist. False: there is no memory.
bool make_tcp_table();

/// The addresses and ports of a packet or a connection, which choose its bucket.
struct Tuple {
  ip_addr_t local;
  ip_addr_t remote;
  std::uint16_t local_port;
  std::uint16_t remote_port;
};

inline Tuple tuple_of(const tcp_pcb& pcb) {
  return {pcb.local_ip, pcb.remote_ip, pcb.local_port, pcb.remote_port};
}

/// Lets lwIP see the connections of one bucket, and no others, until leave_bucket(). Do not call it
/// while lwIP sees a bucket.
void enter_bucket(const Tuple& tuple);
/// Does nothing if lwIP sees no bucket.
void leave_bucket();
/// The connection with this tuple in the bucket that lwIP sees; null: there is none.
tcp_pcb* find_connection(const Tuple& tuple);

/// The connection at the other end of `pcb`, if that end is in this machine; else null. Call it in
/// or outside a bucket.
tcp_pcb* find_other_end(const tcp_pcb& pcb);

class InBucket {
 public:
  explicit InBucket(const Tuple& tuple) { enter_bucket(tuple); }
  InBucket(const InBucket&) = delete;
  ~InBucket() { leave_bucket(); }
};

/// Calls use(connection, argument) for all connections, until it returns false. Not in a bucket.
void for_each_connection(bool (*use)(const tcp_pcb& pcb, void* argument), void* argument);

// lwIP's timers walk all connections that it sees. They run only for buckets with a connection that
// needs them: one that is being opened or closed, has bytes on their way, owes an acknowledgement,
// or keeps itself alive.

/// The connection may need timers after a call of lwIP outside its bucket.
void note_timers(const tcp_pcb& pcb);
/// Whether a connection needs timers. Not in a bucket.
bool needs_tcp_timers();
/// Call it at intervals of tcp_timer_ms while a connection needs timers. Not in a bucket.
void run_tcp_timers();
inline constexpr unsigned tcp_timer_ms = 250;

}  // namespace kernel::net
