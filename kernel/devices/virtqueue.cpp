#include "devices/virtqueue.h"

#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

namespace kernel::virtio {
namespace {

// Shared values are little-endian or, before version 1.0, in the machine's byte order.
static_assert(std::endian::native == std::endian::little);

// Both rings have the same header (2.7.6, 2.7.8).
constexpr std::size_t flags = 0;
constexpr std::size_t index = 1;
constexpr std::size_t ring = 2;
constexpr std::uint16_t no_notification = 1;  // a flag of the used ring
constexpr std::uint16_t no_interrupt = 1;     // a flag of the available ring

/// Loads a word that the device may write at any time.
std::uint16_t load(std::uint16_t& word, std::memory_order order) {
  return std::atomic_ref{word}.load(order);
}

}  // namespace

Virtqueue::Virtqueue(std::span<std::byte> memory, unsigned size)
    : size_{static_cast<std::uint16_t>(size)} {
  const Layout layout{size};
  std::byte* const start = memory.data();
  descriptors_ = reinterpret_cast<Descriptor*>(start + layout.descriptors);
  available_ = reinterpret_cast<std::uint16_t*>(start + layout.available);
  used_ = reinterpret_cast<std::uint16_t*>(start + layout.used);
  used_ring_ = reinterpret_cast<const Used*>(used_ + ring);
  bytes_ = layout.bytes;
  clear();
}

void Virtqueue::clear() {
  std::memset(descriptors_, 0, bytes_);
  for (std::uint16_t i = 0; i < size_; ++i) {
    slots_[i] = {.next = static_cast<std::uint16_t>(i + 1)};
  }
  first_free_ = 0;
  free_count_ = size_;
  offered_ = taken_ = 0;
  in_flight_ = 0;
  broken_ = false;
}

// ── To the device ────────────────────────────────────────────────────────────────────────────────

std::uint16_t Virtqueue::take_free() {
  const std::uint16_t taken = first_free_;
  first_free_ = slots_[taken].next;
  --free_count_;
  return taken;
}

void Virtqueue::add(std::span<const Descriptor> chain, void* owner) {
  const std::uint16_t head = take_free();
  std::uint16_t at = head;
  for (std::size_t i = 0;; ++i) {
    Descriptor& descriptor = descriptors_[at] = chain[i];
    if (i + 1 == chain.size()) break;
    at = slots_[at].next = take_free();
    descriptor.flags |= Descriptor::has_next;
    descriptor.next = at;
  }
  offer(head, chain, static_cast<std::uint16_t>(chain.size()), owner);
}

void Virtqueue::add_indirect(std::span<Descriptor> chain, void* owner) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    chain[i].flags |= Descriptor::has_next;
    chain[i].next = static_cast<std::uint16_t>(i + 1);
  }
  const std::uint16_t head = take_free();
  descriptors_[head] = Descriptor::for_reading(hal::virt_to_phys(chain.data()), chain.size_bytes());
  descriptors_[head].flags = Descriptor::is_indirect;
  offer(head, chain, 1, owner);
}

/// Passes the chain that begins at `head`, and occupies `length` descriptors, to the device.
void Virtqueue::offer(std::uint16_t head, std::span<const Descriptor> chain, std::uint16_t length,
                      void* owner) {
  Slot& slot = slots_[head];
  slot.owner = owner;
  slot.length = length;
  slot.writable = 0;
  for (const Descriptor& descriptor : chain) {
    if ((descriptor.flags & Descriptor::device_writes) != 0) slot.writable += descriptor.bytes;
  }
  ++in_flight_;
  available_[ring + offered_ % size_] = head;
  ++offered_;
  // Release: a device that sees the new index sees the whole chain (2.7.13.3).
  std::atomic_ref{available_[index]}.store(offered_, std::memory_order_release);
}

bool Virtqueue::wants_notification() const {
  // The device may have gone idle just before it could see the new index. The fence orders the
  // store of the index before the load of the flags (2.7.13.4.1).
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return (load(used_[flags], std::memory_order_relaxed) & no_notification) == 0;
}

// ── From the device ──────────────────────────────────────────────────────────────────────────────

void Virtqueue::want_interrupts(bool wanted) {
  std::atomic_ref{available_[flags]}.store(wanted ? 0 : no_interrupt, std::memory_order_relaxed);
  // Orders the store before the load of the index in take(): else neither side could see that the
  // other has changed its word (2.7.7.2).
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

std::optional<Virtqueue::Completion> Virtqueue::take() {
  if (broken_) return {};
  const std::uint16_t used = load(used_[index], std::memory_order_acquire);
  if (used == taken_) return {};
  // The device cannot complete more chains than it has.
  if (static_cast<std::uint16_t>(used - taken_) > in_flight_) return give_up();

  // Copies the entry, because the device may change it after the checks.
  const volatile Used& entry = used_ring_[taken_ % size_];
  const std::uint32_t head = entry.id;
  const std::uint32_t written = entry.written;
  if (head >= size_) return give_up();
  Slot& first = slots_[head];
  if (first.owner == nullptr || written > first.writable) return give_up();

  std::uint16_t last = static_cast<std::uint16_t>(head);
  for (std::uint16_t i = 1; i < first.length; ++i) last = slots_[last].next;
  slots_[last].next = first_free_;
  first_free_ = static_cast<std::uint16_t>(head);
  free_count_ += first.length;
  ++taken_;
  --in_flight_;
  return Completion{.owner = std::exchange(first.owner, nullptr), .written = written};
}

}  // namespace kernel::virtio
