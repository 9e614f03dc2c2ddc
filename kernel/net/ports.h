// The local addresses of sockets, by their ports. To test whether a port is free, lwIP would search
// its lists of all connections. So this kernel keeps the ports itself.
//
// A Binding is an address and a port that a socket has taken. The connections that a listening
// socket has accepted have the same Binding, which lives as long as the last of them. lwIP may
// still need time to end a connection whose socket was closed. Strand data.
#pragma once

#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>

#include "lwip/tcp.h"
#include "net/inet_address.h"

namespace kernel::net {

class InetSocket;
class Ports;

class Binding : public RefCounted<Binding> {
 public:
  struct Terms {
    bool reuses_address = false;  ///< SO_REUSEADDR
    bool reuses_port = false;     ///< SO_REUSEPORT
  };

  Binding(Ports& ports, const InetName& name, Terms terms)
      : ports_{ports}, name_{name}, terms_{terms} {}
  ~Binding();

  const InetName& name() const { return name_; }
  /// Whether packets to `ip` are for this address.
  bool accepts(const ip_addr_t& ip) const;
  Binding* next() const { return next_; }

  void set_terms(Terms terms) { terms_ = terms; }
  bool shares_port_with(const Binding& other) const {
    return terms_.reuses_port && other.terms_.reuses_port;
  }
  /// The socket that has this address; null: only connections have it.
  InetSocket* owner = nullptr;
  bool is_listening = false;
  bool is_shared = false;  ///< connect() has taken it: other connections may have it, too
  unsigned half_open = 0;  ///< connections that the listening socket does not know yet
  /// Of a listening socket, and of its connections until lwIP has freed them.
  tcp_pcb_listen listener{};

 private:
  friend Ports;
  bool overlaps(const InetName& other) const;

  Ports& ports_;
  const InetName name_;
  Terms terms_;
  Binding* next_ = nullptr;  // with the same port
};

/// The bindings of a protocol.
class Ports {
 public:
  /// `shares_receivers`: SO_REUSEADDR lets several sockets that receive have one address (UDP).
  explicit constexpr Ports(bool shares_receivers) : shares_receivers_{shares_receivers} {}

  /// Takes an address; with port 0 a free port. EADDRINUSE; ENOMEM.
  Result<Ref<Binding>> bind(InetName name, Binding::Terms terms);
  /// Whether a socket with `binding` may listen: no other listening socket has the address.
  bool may_listen(const Binding& binding) const;
  /// A binding of a free port that is_shared, with the address `ip`, for which may_use(port) is
  /// true. Null: there is none.
  template <class MayUse>
  Binding* find_shared(const ip_addr_t& ip, MayUse may_use) const {
    const unsigned start = random_start();
    for (unsigned i = 0; i < free_ports; ++i) {
      const auto port = static_cast<std::uint16_t>(first_free + (start + i) % free_ports);
      for (Binding* binding = first(port); binding != nullptr; binding = binding->next()) {
        if (binding->is_shared && binding->name().ip == ip && may_use(port)) return binding;
      }
    }
    return nullptr;
  }
  /// Calls use(binding) for all bindings, until it returns false.
  template <class Use>
  void for_each(Use use) const {
    for (const Block* const block : blocks_) {
      if (block == nullptr) continue;
      for (Binding* binding : *block) {
        for (; binding != nullptr; binding = binding->next()) {
          if (!use(*binding)) return;
        }
      }
    }
  }
  /// The binding with a port that has the highest score(binding); a negative score is none. Of
  /// several with SO_REUSEPORT, `hash` chooses one; of others, it is the newest. Null: there is
  /// none.
  template <class Score>
  Binding* find(std::uint16_t port, std::uint32_t hash, Score score) const {
    Binding* best = nullptr;
    int best_score = -1;
    unsigned equals = 0;
    for (Binding* binding = first(port); binding != nullptr; binding = binding->next()) {
      const int its = score(*binding);
      if (its > best_score) {
        best = binding;
        best_score = its;
        equals = 1;
      } else if (its >= 0 && its == best_score && best->shares_port_with(*binding)) {
        ++equals;
      }
    }
    if (equals <= 1) return best;
    unsigned left = hash % equals;
    for (Binding* binding = best;; binding = binding->next()) {
      if (score(*binding) != best_score || !best->shares_port_with(*binding)) continue;
      if (left-- == 0) return binding;
    }
  }
  /// The first binding with a port; null: there is none.
  Binding* first(std::uint16_t port) const {
    const Block* const block = blocks_[port / block_size];
    return block == nullptr ? nullptr : (*block)[port % block_size];
  }

 private:
  friend Binding;
  static constexpr std::size_t block_size = 256;
  using Block = std::array<Binding*, block_size>;
  static constexpr std::uint16_t first_free = 32768, last_free = 60999;  // ip_local_port_range
  static constexpr unsigned free_ports = last_free - first_free + 1;

  bool conflicts(const InetName& name, Binding::Terms terms, const Binding* self) const;
  static unsigned random_start();
  Result<std::uint16_t> free_port() const;
  Binding*& head(std::uint16_t port) { return (*blocks_[port / block_size])[port % block_size]; }

  static bool is_free_port(std::uint16_t port) { return port >= first_free && port <= last_free; }

  const bool shares_receivers_;
  unsigned used_free_ports_ = 0;
  std::array<Block*, 65536 / block_size> blocks_{};  // allocated at first use, and kept
};

extern Ports tcp_ports, udp_ports, udplite_ports;

}  // namespace kernel::net
