// The device's side of a split virtqueue; tests can make it violate the protocol.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "devices/virtqueue.h"

namespace test {

using kernel::virtio::Descriptor;

class DeviceSide {
 public:
  /// A chain as the device reads it.
  struct Chain {
    std::uint16_t head = 0;
    std::vector<Descriptor> parts;

    std::uint32_t writable() const {
      std::uint32_t bytes = 0;
      for (const Descriptor& part : parts) {
        if ((part.flags & Descriptor::device_writes) != 0) bytes += part.bytes;
      }
      return bytes;
    }
  };

  DeviceSide() = default;
  DeviceSide(std::byte* memory, unsigned size)
      : memory_{memory}, size_{size}, layout_{size}, seen_{0}, used_{0} {}

  /// Returns the next chain that the driver has offered. The driver may be on another hart.
  std::optional<Chain> next() {
    if (memory_ == nullptr) return {};
    // Acquire: pairs with the release of the index in Virtqueue::offer().
    const std::atomic_ref index{*reinterpret_cast<std::uint16_t*>(memory_ + layout_.available + 2)};
    if (index.load(std::memory_order_acquire) == seen_) return {};
    Chain chain{.head = word(layout_.available + 4 + 2 * (seen_++ % size_))};
    follow(table(), chain.head, chain.parts);
    return chain;
  }

  void use(std::uint32_t id, std::uint32_t written) {
    const std::size_t entry = layout_.used + 4 + 8 * (used_ % size_);
    std::memcpy(memory_ + entry, &id, sizeof id);
    std::memcpy(memory_ + entry + 4, &written, sizeof written);
    set_used_index(static_cast<std::uint16_t>(used_ + 1));
  }
  void set_used_index(std::uint16_t index) {
    used_ = index;
    // Release: pairs with the acquire in Virtqueue::take().
    std::atomic_ref{*reinterpret_cast<std::uint16_t*>(memory_ + layout_.used + 2)}.store(
        index, std::memory_order_release);
  }
  std::uint16_t used_index() const { return used_; }

  void ask_for_no_notification(bool none) {
    const std::uint16_t flags = none ? 1 : 0;
    std::memcpy(memory_ + layout_.used, &flags, sizeof flags);
  }

  std::byte* memory() { return memory_; }
  const kernel::virtio::Virtqueue::Layout& layout() const { return layout_; }

 private:
  std::uint16_t word(std::size_t offset) const {
    std::uint16_t value;
    std::memcpy(&value, memory_ + offset, sizeof value);
    return value;
  }
  const Descriptor* table() const { return reinterpret_cast<const Descriptor*>(memory_); }

  static void follow(const Descriptor* table, std::uint16_t at, std::vector<Descriptor>& parts) {
    for (;;) {
      const Descriptor& part = table[at];
      if ((part.flags & Descriptor::is_indirect) != 0) {
        return follow(hal::phys_to_virt<Descriptor>(part.address), 0, parts);
      }
      parts.push_back(part);
      if ((part.flags & Descriptor::has_next) == 0) return;
      at = part.next;
    }
  }

  std::byte* memory_ = nullptr;
  unsigned size_ = 0;
  kernel::virtio::Virtqueue::Layout layout_{0};
  std::uint16_t seen_ = 0;
  std::uint16_t used_ = 0;
};

}  // namespace test
