#include "net/stack.h"

#include <async/async.h>
#include <async/wait_list.h>
#include <kernel/levels.h>
#include <kernel/panic.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/random.h"
#include "lwip/acd.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/icmp.h"
#include "lwip/prot/tcp.h"
#include "lwip/prot/udp.h"
#include "lwip/raw.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"
#include "memory/frames.h"
#include "memory/heap.h"
#include "net/ethernet.h"
#include "net/loopback.h"
#include "net/tcp_socket.h"
#include "net/tcp_table.h"
#include "net/udp_socket.h"

namespace kernel::net {
namespace {

using async::Duration;

constinit bool has_started = false;
constinit bool has_loopback = false;  // lwIP is initialised
constinit std::size_t receivers_added = 0;
constinit bool has_link_timers = false;
constinit bool timers_run = false;

async::WaitList& timer_wake() {
  static constinit async::WaitList* list = nullptr;  // lives for ever
  if (list == nullptr) list = new async::WaitList;
  return *list;
}

/// The header of a transport protocol in a packet that lwIP shows to a raw receiver. False: the
/// packet is shorter.
template <class Header>
bool read_header(const pbuf& packet, std::size_t offset, Header& header) {
  return pbuf_copy_partial(&packet, &header, sizeof header, static_cast<u16_t>(offset)) ==
         sizeof header;
}

// lwIP calls these functions for each packet to this machine, before the protocol's own function.
// They prepare lwIP's lists. They return whether the packet is dropped, and then free it.

/// A segment of TCP as lwIP receives it.
struct Segment {
  tcp_hdr header;
  std::size_t bytes;  // of data

  unsigned flags() const { return TCPH_FLAGS(&header); }
  u32_t first() const { return lwip_ntohl(header.seqno); }
  u32_t end() const {
    return first() + static_cast<u32_t>(bytes) + ((flags() & TCP_FIN) != 0 ? 1 : 0);
  }
};

/// Whether an option of the segment, which is not the first one, changes the size of segments. lwIP
/// would obey, and fail an assertion about bytes that it has queued.
bool changes_segment_size(const pbuf& packet, const Segment& segment) {
  constexpr std::uint8_t end = 0, none = 1, segment_size = 2;
  constexpr std::size_t most = 40;
  if ((segment.flags() & TCP_SYN) != 0) return false;
  std::array<std::uint8_t, most> options{};
  const std::size_t header_bytes = TCPH_HDRLEN_BYTES(&segment.header);
  if (header_bytes <= sizeof(tcp_hdr)) return false;
  const std::size_t count =
      pbuf_copy_partial(&packet, options.data(), static_cast<u16_t>(header_bytes - sizeof(tcp_hdr)),
                        static_cast<u16_t>(ip_current_header_tot_len() + sizeof(tcp_hdr)));
  for (std::size_t at = 0; at < count && options[at] != end;) {
    if (options[at] == segment_size) return true;
    if (options[at] == none) {
      ++at;
      continue;
    }
    if (at + 1 >= count || options[at + 1] < 2) break;
    at += options[at + 1];
  }
  return false;
}

/// Whether the segment is out of order and ends behind the window. No correct peer sends one, and
/// lwIP would fail an assertion when the bytes before it come.
bool exceeds_window(const tcp_pcb& pcb, const Segment& segment) {
  return pcb.state >= ESTABLISHED && TCP_SEQ_GT(segment.first(), pcb.rcv_nxt) &&
         TCP_SEQ_GT(segment.end(), pcb.rcv_nxt + pcb.rcv_wnd);
}

/// lwIP answers a segment without bytes that comes while its window is closed, although the segment
/// is acceptable (RFC 9293, 3.10.7.4). If both windows are closed, so does the other side, without
/// end. So lwIP sees a window of one byte for such a segment.
class OpenWindow {
 public:
  void open_for(tcp_pcb& pcb, const Tuple& tuple, const Segment& segment) {
    constexpr unsigned others = TCP_SYN | TCP_FIN | TCP_RST;
    if (segment.bytes != 0 || (segment.flags() & others) != 0) return;
    if (pcb.rcv_wnd != 0 || pcb.rcv_nxt != segment.first()) return;
    pcb.rcv_wnd = 1;
    opened_ = &pcb;
    tuple_ = tuple;
  }
  /// After lwIP has worked on the segment. It may have freed the connection.
  void close() {
    tcp_pcb* const pcb = std::exchange(opened_, nullptr);
    if (pcb != nullptr && find_connection(tuple_) == pcb) --pcb->rcv_wnd;
  }

 private:
  tcp_pcb* opened_ = nullptr;
  Tuple tuple_{};
};
constinit OpenWindow open_window;

u8_t drop(pbuf* packet) {
  pbuf_free(packet);
  return 1;
}

u8_t prepare_tcp(void*, raw_pcb*, pbuf* packet, const ip_addr_t* from) {
  Segment segment{};
  const tcp_hdr& header = segment.header;
  if (!read_header(*packet, ip_current_header_tot_len(), segment.header)) return 0;
  const std::size_t headers = ip_current_header_tot_len() + TCPH_HDRLEN_BYTES(&header);
  segment.bytes = packet->tot_len - std::min<std::size_t>(headers, packet->tot_len);
  const Tuple tuple{.local = *ip_current_dest_addr(),
                    .remote = *from,
                    .local_port = lwip_ntohs(header.dest),
                    .remote_port = lwip_ntohs(header.src)};
  enter_bucket(tuple);
  tcp_pcb* const old = find_connection(tuple);
  if (old != nullptr && old->state != TIME_WAIT) {
    if (exceeds_window(*old, segment) || changes_segment_size(*packet, segment))
      return drop(packet);
    open_window.open_for(*old, tuple, segment);
  }
  const unsigned flags = segment.flags();
  if ((flags & TCP_SYN) == 0 || (flags & (TCP_ACK | TCP_RST)) != 0) return 0;
  if (old != nullptr) {
    if (old->state != TIME_WAIT) return 0;
    tcp_abort(old);  // the new connection takes its place
  }
  Binding* const listener =
      find_listener(tuple.local, tuple.local_port, hash_of(tuple.remote, tuple.remote_port));
  if (listener == nullptr) return 0;
  if (!has_room(*listener)) return drop(packet);  // the client sends it again
  listener->listener.next = nullptr;
  tcp_listen_pcbs.listen_pcbs = &listener->listener;
  return 0;
}

/// Whether the length in the header of UDP or UDP-Lite is possible, by Linux's rules. lwIP ignores
/// it. Cuts off the bytes behind a datagram of UDP.
bool has_valid_length(pbuf& packet, const udp_hdr& header, bool is_lite) {
  const std::size_t before = ip_current_header_tot_len();
  const std::size_t given = lwip_ntohs(header.len);
  // 0: all bytes. The length of UDP-Lite is that of the bytes that the checksum covers (RFC 3828).
  if (given == 0) return is_lite || ip_current_is_v6() != 0;
  if (given < sizeof header || given > packet.tot_len - before) return false;
  if (!is_lite) pbuf_realloc(&packet, static_cast<u16_t>(before + given));
  return true;
}

u8_t prepare_udp(void* ports, raw_pcb*, pbuf* packet, const ip_addr_t* from) {
  udp_hdr header;
  if (!read_header(*packet, ip_current_header_tot_len(), header)) return 0;
  if (!has_valid_length(*packet, header, ports == &udplite_ports)) return drop(packet);
  udp_pcbs = find_receiver(*static_cast<Ports*>(ports), *ip_current_dest_addr(),
                           lwip_ntohs(header.dest), *from, lwip_ntohs(header.src));
  if (udp_pcbs == nullptr && ports == &udp_ports) udp_pcbs = dhcp_receiver(lwip_ntohs(header.dest));
  return 0;
}

/// An error of ICMP about a datagram of this machine.
u8_t note_unreachable(void*, raw_pcb*, pbuf* packet, const ip_addr_t*) {
  const std::size_t at = ip_current_header_tot_len();
  const bool is_v6 = ip_current_is_v6() != 0;
  struct {
    std::uint8_t type, code;
    std::uint16_t checksum;
    std::uint32_t rest;
  } error;
  if (!read_header(*packet, at, error)) return 0;
  if (error.type != (is_v6 ? 1 : static_cast<int>(ICMP_DUR))) return 0;
  const bool is_port = error.code == (is_v6 ? 4 : static_cast<int>(ICMP_DUR_PORT));
  const std::size_t inner = at + sizeof error;
  udp_hdr header;
  const Ports* ports = nullptr;
  const auto ports_of = [](unsigned protocol) -> const Ports* {
    return protocol == IP_PROTO_UDP       ? &udp_ports
           : protocol == IP_PROTO_UDPLITE ? &udplite_ports
                                          : nullptr;
  };
  if (is_v6) {
    ip6_hdr ip;
    if (!read_header(*packet, inner, ip) || (ports = ports_of(IP6H_NEXTH(&ip))) == nullptr ||
        !read_header(*packet, inner + IP6_HLEN, header))
      return 0;
    ip_addr_t local, remote;
    ip_addr_copy_from_ip6_packed(local, ip.src);
    ip_addr_copy_from_ip6_packed(remote, ip.dest);
    note_udp_error(*ports, local, lwip_ntohs(header.src), remote, lwip_ntohs(header.dest), is_port);
  } else {
    ip_hdr ip;
    if (!read_header(*packet, inner, ip) || (ports = ports_of(IPH_PROTO(&ip))) == nullptr ||
        !read_header(*packet, inner + IPH_HL_BYTES(&ip), header))
      return 0;
    ip_addr_t local, remote;
    ip_addr_copy_from_ip4(local, ip.src);
    ip_addr_copy_from_ip4(remote, ip.dest);
    note_udp_error(*ports, local, lwip_ntohs(header.src), remote, lwip_ntohs(header.dest), is_port);
  }
  return 0;
}

struct Receiver {
  u8_t protocol;
  raw_recv_fn receive;
  void* argument = nullptr;
};
constexpr Receiver receivers[] = {
    {IP_PROTO_TCP, prepare_tcp},
    {IP_PROTO_UDP, prepare_udp, &udp_ports},
    {IP_PROTO_UDPLITE, prepare_udp, &udplite_ports},
    {IP_PROTO_ICMP, note_unreachable},
    {IP6_NEXTH_ICMP6, note_unreachable},
};

bool add_receiver(const Receiver& receiver) {
  raw_pcb* const pcb = raw_new_ip_type(IPADDR_TYPE_ANY, receiver.protocol);
  if (pcb == nullptr) return false;
  raw_recv(pcb, receiver.receive, receiver.argument);
  return true;
}

void receive(netif& device, pbuf* packet) {
  if (device.input(packet, &device) != ERR_OK) pbuf_free(packet);
  open_window.close();
  leave_bucket();
  tcp_listen_pcbs.listen_pcbs = nullptr;
  udp_pcbs = nullptr;
}

/// lwIP's timers besides those of TCP: the functions with their intervals in ms.
struct LinkTimer {
  unsigned interval;
  void (*run)();
  async::Instant due{};
};
constinit std::array link_timers{
    LinkTimer{IP_TMR_INTERVAL, ip_reass_tmr},
    LinkTimer{ARP_TMR_INTERVAL, etharp_tmr},
    LinkTimer{DHCP_COARSE_TIMER_MSECS, dhcp_coarse_tmr},
    LinkTimer{DHCP_FINE_TIMER_MSECS, dhcp_fine_tmr},
    LinkTimer{DNS_TMR_INTERVAL, dns_tmr},
    LinkTimer{ND6_TMR_INTERVAL, nd6_tmr},
    LinkTimer{IP6_REASS_TMR_INTERVAL, ip6_reass_tmr},
    LinkTimer{MLD6_TMR_INTERVAL, mld6_tmr},
};

constexpr Duration milliseconds(unsigned count) {
  return Duration{std::int64_t{count} * 1'000'000};
}

/// Calls the timers of devices that are due. Returns when the next one is.
async::Instant run_link_timers() {
  async::Instant next = async::never;
  const async::Instant now = async::now();
  for (LinkTimer& timer : link_timers) {
    if (timer.due <= now) {
      timer.run();
      timer.due = now + milliseconds(timer.interval);
    }
    next = std::min(next, timer.due);
  }
  return next;
}

/// Between two parts of a long loopback queue, so that other jobs run.
constexpr Duration pause_after_many = milliseconds(1);

/// Sleeps until a timer of lwIP is due. If none is, it sleeps until note_activity().
async::Task<> run_timers() {
  async::Instant tcp_due = async::now() + milliseconds(tcp_timer_ms);
  for (;;) {
    const async::Instant now = async::now();
    async::Instant next = async::never;
    if (needs_tcp_timers()) {
      if (tcp_due <= now) {
        run_tcp_timers();
        tcp_due = now + milliseconds(tcp_timer_ms);
      }
      next = tcp_due;
    }
    if (has_link_timers) next = std::min(next, run_link_timers());
    deliver();
    if (!is_loopback_empty()) next = async::now() + pause_after_many;
    timers_run = next != async::never;
    (void)co_await timer_wake().wait_until(next, "network timer");
    if (!timers_run) tcp_due = async::now() + milliseconds(tcp_timer_ms);
  }
}

}  // namespace

Result<> start() {
  if (has_started) return {};
  constexpr std::size_t own_bytes = 16 << 10;  // of lwIP's first objects, and of the timers' job
  if (!memory::can_allocate(own_bytes) || !make_tcp_table()) return fail(Errno::enomem);
  if (!has_loopback) {
    lwip_init();
    make_loopback();
    has_loopback = true;
  }
  // Without memory for one of them, the next call continues with it.
  for (; receivers_added != std::size(receivers); ++receivers_added) {
    if (!add_receiver(receivers[receivers_added])) return fail(Errno::enomem);
  }
  has_started = true;
  async::spawn(run_timers(), {.name = "network", .priority = levels::event}).detach();
  return {};
}

void note_activity() {
  if (timers_run || !(has_link_timers || needs_tcp_timers())) return;
  timer_wake().wake_all();
}

void deliver() {
  // No packet of a well-behaved program causes so many further ones.
  constexpr int most = 4096;
  for (int count = 0; count < most; ++count) {
    pbuf* const packet = next_loopback();
    if (packet == nullptr) return note_activity();
    receive(loopback(), packet);
  }
  timer_wake().wake_all();
}

void input(netif& device, pbuf* frame) {
  receive(device, frame);
  deliver();
}

void start_link_timers() {
  has_link_timers = true;
  note_activity();
}

bool is_local(const ip_addr& ip) {
  if (ip_addr_isloopback(&ip)) return true;
  const netif* device;
  NETIF_FOREACH(device) {
    if (device == &loopback()) continue;
    if (ip.type == IPADDR_TYPE_V4) {
      if (ip4_addr_eq(ip_2_ip4(&ip), netif_ip4_addr(device))) return true;
    } else {
      for (unsigned i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
        if (ip6_addr_isvalid(netif_ip6_addr_state(device, i)) &&
            ip6_addr_zoneless_eq(ip_2_ip6(&ip), netif_ip6_addr(device, i)))
          return true;
      }
    }
  }
  return false;
}

}  // namespace kernel::net

// ── What lwIP calls ──

extern "C" {

void cotrap_lwip_failed(const char* assertion) {
  kernel::panic(assertion);
}

unsigned cotrap_lwip_random() {
  unsigned number;
  kernel::fill_random(std::as_writable_bytes(std::span{&number, 1}));
  return number;
}

void* cotrap_lwip_allocate(std::size_t bytes) {
  const bool is_free = bytes > hal::page_size ? kernel::memory::can_allocate_contiguous(bytes)
                                              : kernel::memory::can_allocate(bytes);
  return is_free ? ::operator new(bytes) : nullptr;
}
void* cotrap_lwip_allocate_zeros(std::size_t count, std::size_t bytes) {
  void* const object = cotrap_lwip_allocate(count * bytes);
  if (object != nullptr) std::memset(object, 0, count * bytes);
  return object;
}
void cotrap_lwip_release(void* object) {
  ::operator delete(object);
}

u32_t cotrap_lwip_first_sequence() {
  return cotrap_lwip_random();
}

netif* cotrap_lwip_route_ip4(const ip4_addr_t* destination) {
  ip_addr_t ip;
  ip_addr_copy_from_ip4(ip, *destination);
  return kernel::net::is_local(ip) ? &kernel::net::loopback() : nullptr;
}
netif* cotrap_lwip_route_ip6(const ip6_addr_t* destination) {
  ip_addr_t ip;
  ip_addr_copy_from_ip6(ip, *destination);
  return kernel::net::is_local(ip) ? &kernel::net::loopback() : nullptr;
}

u32_t sys_now() {
  return static_cast<u32_t>(async::now().time_since_epoch().count() / 1'000'000);
}
void sys_timeouts_init() {}
}
