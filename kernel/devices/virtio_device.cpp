#include "devices/virtio_device.h"

#include <algorithm>
#include <bit>

#include "memory/frames.h"

namespace kernel::virtio {

// ── Queues ───────────────────────────────────────────────────────────────────────────────────────

DeviceQueue::~DeviceQueue() {
  if (memory_ != nullptr) memory::frames.free_block(hal::virt_to_phys(memory_), order_);
}

bool DeviceQueue::make(unsigned most) {
  if (queue_) return queue_->size() <= most;
  const unsigned size = std::bit_floor(std::min(most, limit_));
  if (size == 0) return false;
  const std::size_t pages = Virtqueue::Layout{size}.bytes / hal::page_size;
  order_ = static_cast<unsigned>(std::bit_width(pages - 1));
  const hal::PhysAddr block = memory::frames.allocate_block(order_);
  if (block == 0) return false;
  memory_ = hal::phys_to_virt(block);
  queue_.emplace(std::span{memory_, hal::page_size << order_}, size);
  return true;
}

bool DeviceQueue::start(Transport& transport, unsigned number) {
  if (!make(transport.queue_limit(number))) return false;
  const hal::PhysAddr memory = hal::virt_to_phys(memory_);
  const Virtqueue::Layout layout = queue_->layout();
  return transport.set_queue(number, {.size = queue_->size(),
                                      .descriptors = memory + layout.descriptors,
                                      .available = memory + layout.available,
                                      .used = memory + layout.used});
}

// ── The device ───────────────────────────────────────────────────────────────────────────────────

bool Device::reset() {
  transport_.set_status(0);
  // The status becomes 0 when the reset is done (2.4.1). Known devices do it at once.
  constexpr int spin_limit = 10'000;
  for (int i = 0; i < spin_limit; ++i) {
    if (transport_.status() == 0) return true;
  }
  return false;
}

bool Device::start(std::uint64_t wanted) {
  if (!reset()) return false;
  transport_.set_status(status::acknowledged);
  transport_.set_status(status::acknowledged | status::driver);
  if (!agree_on_features(wanted) || !start_queues()) {
    fail();
    return false;
  }
  transport_.set_status(transport_.status() | status::driver_ok);
  return true;
}

bool Device::agree_on_features(std::uint64_t wanted) {
  const std::uint64_t offered = transport_.offered_features();
  features_ = offered & (wanted | feature::version_1);
  transport_.accept_features(features_);
  if (transport_.is_legacy()) return true;
  if (!has(feature::version_1)) return false;
  transport_.set_status(transport_.status() | status::features_ok);
  return (transport_.status() & status::features_ok) != 0;
}

bool Device::start_queues() {
  unsigned number = 0;
  if (!queue_.start(transport_, number)) return false;
  return std::ranges::all_of(more_,
                             [&](DeviceQueue& each) { return each.start(transport_, ++number); });
}

std::uint64_t Device::read_config_64(std::size_t offset) {
  // If the generation never stays the same, the result is the last value read.
  constexpr int spin_limit = 100;
  std::uint64_t value = 0;
  for (int i = 0; i < spin_limit; ++i) {
    const std::uint32_t generation = transport_.config_generation();
    const std::uint64_t low = transport_.read_config(offset);
    const std::uint64_t high = transport_.read_config(offset + 4);
    value = high << 32 | low;
    if (transport_.config_generation() == generation) break;
  }
  return value;
}

}  // namespace kernel::virtio
