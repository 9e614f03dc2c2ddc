#include "net/ports.h"

#include <span>

#include "base/random.h"
#include "memory/frames.h"

namespace kernel::net {

constinit Ports tcp_ports{false}, udp_ports{true}, udplite_ports{true};

bool Binding::accepts(const ip_addr_t& ip) const {
  if (name_.ip.type == IPADDR_TYPE_ANY) return true;
  return name_.ip.type == ip.type && (name_.is_any() || name_.ip == ip);
}

bool Binding::overlaps(const InetName& other) const {
  if (name_.ip.type == IPADDR_TYPE_ANY || other.ip.type == IPADDR_TYPE_ANY) return true;
  return name_.ip.type == other.ip.type &&
         (name_.is_any() || other.is_any() || name_.ip == other.ip);
}

Binding::~Binding() {
  Binding** at = &ports_.head(name_.port);
  while (*at != this) at = &(*at)->next_;
  *at = next_;
  if (Ports::is_free_port(name_.port) && ports_.first(name_.port) == nullptr)
    --ports_.used_free_ports_;
}

bool Ports::conflicts(const InetName& name, Binding::Terms terms, const Binding* self) const {
  for (const Binding* other = first(name.port); other != nullptr; other = other->next_) {
    if (other == self || !other->overlaps(name)) continue;
    if (terms.reuses_port && other->terms_.reuses_port) continue;
    if (terms.reuses_address && other->terms_.reuses_address &&
        (shares_receivers_ || !other->is_listening))
      continue;
    return true;
  }
  return false;
}

bool Ports::may_listen(const Binding& binding) const {
  return !conflicts(binding.name_, binding.terms_, &binding);
}

unsigned Ports::random_start() {
  std::uint32_t number;
  fill_random(std::as_writable_bytes(std::span{&number, 1}));
  return number % free_ports;
}

Result<std::uint16_t> Ports::free_port() const {
  if (used_free_ports_ == free_ports) return fail(Errno::eaddrinuse);
  const unsigned start = random_start();
  for (unsigned i = 0; i < free_ports; ++i) {
    const auto port = static_cast<std::uint16_t>(first_free + (start + i) % free_ports);
    if (first(port) == nullptr) return port;
  }
  return fail(Errno::eaddrinuse);
}

Result<Ref<Binding>> Ports::bind(InetName name, Binding::Terms terms) {
  if (name.port == 0) {
    const auto port = free_port();
    if (!port) return fail(port.error());
    name.port = *port;
  } else if (conflicts(name, terms, nullptr)) {
    return fail(Errno::eaddrinuse);
  }
  if (!memory::can_allocate(sizeof(Binding) + sizeof(Block))) return fail(Errno::enomem);
  Block*& block = blocks_[name.port / block_size];
  if (block == nullptr) block = new Block{};
  auto made = make_ref<Binding>(*this, name, terms);
  if (is_free_port(name.port) && first(name.port) == nullptr) ++used_free_ports_;
  made->next_ = head(name.port);
  head(name.port) = made.get();
  return made;
}

}  // namespace kernel::net
