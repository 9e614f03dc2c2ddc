#include "net/tcp_table.h"

#include <kernel/panic.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/random.h"
#include "lwip/priv/tcp_priv.h"
#include "memory/frames.h"
#include "net/inet_address.h"

namespace kernel::net {

namespace {

struct Bucket {
  tcp_pcb* active = nullptr;
  tcp_pcb* time_wait = nullptr;
  Bucket* next_timed = nullptr;
  bool is_timed = false;  // in the list of buckets for which timers run
};

constexpr std::size_t bucket_count = 4096;
/// The timer ends TIME_WAIT at once for connections beyond this number, so that programs cannot
/// fill the memory with them.
constexpr unsigned most_in_time_wait = 32'768;
using Buckets = std::array<Bucket, bucket_count>;

constinit Buckets* buckets = nullptr;
constinit Bucket* first_timed = nullptr;
constinit std::uint64_t seed = 0;
constinit Bucket* present = nullptr;  // the one that lwIP sees

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e37'79b9'7f4a'7c15;
  return hash ^ hash >> 32;
}

std::uint64_t mixed(std::uint64_t hash, const ip_addr_t& ip) {
  const auto& words = ip.u_addr.ip6.addr;
  if (ip.type == IPADDR_TYPE_V4) return mixed(hash, words[0]);
  hash = mixed(hash, std::uint64_t{words[0]} << 32 | words[1]);
  return mixed(hash, std::uint64_t{words[2]} << 32 | words[3]);
}

Bucket& bucket_of(const Tuple& tuple) {
  std::uint64_t hash = mixed(seed, std::uint64_t{tuple.local_port} << 16 | tuple.remote_port);
  hash = mixed(mixed(hash, tuple.local), tuple.remote);
  return (*buckets)[hash % bucket_count];
}

void add_timed(Bucket& bucket) {
  if (bucket.is_timed) return;
  bucket.is_timed = true;
  bucket.next_timed = first_timed;
  first_timed = &bucket;
}

/// Whether lwIP's timers have work for a connection now, or later without a further packet or call.
bool needs_timers(const tcp_pcb& pcb) {
  if (pcb.state != ESTABLISHED && pcb.state != CLOSE_WAIT) return true;
  constexpr tcpflags_t pending = TF_ACK_DELAY | TF_CLOSEPEND;
  return pcb.unsent != nullptr || pcb.unacked != nullptr || pcb.ooseq != nullptr ||
         pcb.refused_data != nullptr || pcb.persist_backoff > 0 || (pcb.flags & pending) != 0 ||
         (pcb.so_options & SOF_KEEPALIVE) != 0;
}

void look_for_timers(Bucket& bucket) {
  if (bucket.is_timed) return;
  bool needs = bucket.time_wait != nullptr;
  for (const tcp_pcb* pcb = bucket.active; pcb != nullptr && !needs; pcb = pcb->next)
    needs = needs_timers(*pcb);
  if (needs) add_timed(bucket);
}

tcp_pcb* find_in(tcp_pcb* pcb, const Tuple& tuple) {
  for (; pcb != nullptr; pcb = pcb->next) {
    if (pcb->local_port == tuple.local_port && pcb->remote_port == tuple.remote_port &&
        pcb->local_ip == tuple.local && pcb->remote_ip == tuple.remote)
      break;
  }
  return pcb;
}

}  // namespace

bool make_tcp_table() {
  if (buckets != nullptr) return true;
  if (!memory::can_allocate_contiguous(sizeof(Buckets))) return false;
  fill_random(std::as_writable_bytes(std::span{&seed, 1}));
  buckets = new Buckets{};
  return true;
}

void enter_bucket(const Tuple& tuple) {
  if (present != nullptr) panic("net: a bucket of connections inside another one");
  present = &bucket_of(tuple);
  tcp_active_pcbs = present->active;
  tcp_tw_pcbs = present->time_wait;
}

void leave_bucket() {
  if (present == nullptr) return;
  present->active = std::exchange(tcp_active_pcbs, nullptr);
  present->time_wait = std::exchange(tcp_tw_pcbs, nullptr);
  look_for_timers(*std::exchange(present, nullptr));
}

tcp_pcb* find_connection(const Tuple& tuple) {
  tcp_pcb* const active = find_in(tcp_active_pcbs, tuple);
  return active != nullptr ? active : find_in(tcp_tw_pcbs, tuple);
}

tcp_pcb* find_other_end(const tcp_pcb& pcb) {
  const Tuple tuple{.local = pcb.remote_ip,
                    .remote = pcb.local_ip,
                    .local_port = pcb.remote_port,
                    .remote_port = pcb.local_port};
  const Bucket& bucket = bucket_of(tuple);
  tcp_pcb* const found = find_in(&bucket == present ? tcp_active_pcbs : bucket.active, tuple);
  return found != &pcb ? found : nullptr;
}

void for_each_connection(bool (*use)(const tcp_pcb& pcb, void* argument), void* argument) {
  for (const Bucket& bucket : *buckets) {
    for (const tcp_pcb* pcb : {bucket.active, bucket.time_wait}) {
      for (; pcb != nullptr; pcb = pcb->next) {
        if (!use(*pcb, argument)) return;
      }
    }
  }
}

void note_timers(const tcp_pcb& pcb) {
  if (needs_timers(pcb)) add_timed(bucket_of(tuple_of(pcb)));
}

bool needs_tcp_timers() {
  return first_timed != nullptr;
}

void run_tcp_timers() {
  constexpr int first_rto = LWIP_TCP_RTO_TIME / TCP_SLOW_INTERVAL;
  static constinit bool is_second = false;
  if (present != nullptr) panic("net: timers inside a bucket of connections");
  // lwIP's timers walk one list, and count their calls. So they get all these buckets in one list.
  while (Bucket* const bucket = first_timed) {
    first_timed = bucket->next_timed;
    bucket->is_timed = false;
    for (auto [from, to] : {std::pair{&bucket->active, &tcp_active_pcbs},
                            std::pair{&bucket->time_wait, &tcp_tw_pcbs}}) {
      while (tcp_pcb* const pcb = *from) {
        // The other side may take the byte of a window probe and keep its window closed. lwIP's
        // persist timer then fires without bytes to send, and fails an assertion.
        if (from == &bucket->active && (pcb->unsent == nullptr || pcb->unacked != nullptr))
          pcb->persist_backoff = 0;
        // lwIP repeats a SYN at constant intervals. Each one is twice as long as the one before, as
        // on Linux.
        if (pcb->state == SYN_SENT)
          pcb->rto = static_cast<s16_t>(first_rto << std::min<int>(pcb->nrtx, 6));
        *from = pcb->next;
        pcb->next = *to;
        *to = pcb;
      }
    }
  }
  tcp_fasttmr();
  is_second = !is_second;
  if (is_second) tcp_slowtmr();
  const auto distribute = [](tcp_pcb* from, tcp_pcb* Bucket::* list, unsigned most) {
    for (unsigned count = 0; from != nullptr; ++count) {
      tcp_pcb* const pcb = std::exchange(from, from->next);
      if (count >= most) {
        pcb->next = nullptr;
        tcp_tw_pcbs = pcb;
        tcp_abort(pcb);  // sends nothing
        continue;
      }
      Bucket& bucket = bucket_of(tuple_of(*pcb));
      pcb->next = bucket.*list;
      bucket.*list = pcb;
      if (needs_timers(*pcb)) add_timed(bucket);
    }
  };
  distribute(std::exchange(tcp_active_pcbs, nullptr), &Bucket::active, ~0u);
  distribute(std::exchange(tcp_tw_pcbs, nullptr), &Bucket::time_wait, most_in_time_wait);
}

}  // namespace kernel::net
