// A fake virtio disk: registers, sectors, and faults that tests set.
#pragma once

#include <async/async.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device_side.h"
#include "devices/block_device.h"
#include "fake_transport.h"

namespace test {

/// The properties and the contents of a disk.
struct DiskModel {
  std::vector<std::byte> bytes = std::vector<std::byte>(64 * 512);
  std::uint64_t features = kernel::virtio::feature::version_1 |
                           kernel::virtio::feature::indirect_descriptors | 1 << 2 | 1 << 9;
  unsigned queue_limit = 256;
  std::uint32_t segment_limit = 254;
  bool legacy = false;
  bool accepts_features = true;
  bool can_interrupt = true;

  std::uint64_t sectors() const { return bytes.size() / 512; }
};

class FakeDisk : public FakeTransport {
 public:
  using Chain = DeviceSide::Chain;

  explicit FakeDisk(DiskModel& model)
      : FakeTransport{kernel::virtio::DeviceType::block}, model_{model} {
    features = model.features;
    limit = model.queue_limit;
    legacy = model.legacy;
    accepts = model.accepts_features;
    can_interrupt = model.can_interrupt;
  }

  // ── For tests ──

  /// The chains that the disk has received and not completed, in order of arrival.
  std::deque<Chain>& held() {
    while (auto chain = side().next()) held_.push_back(*chain);
    return held_;
  }
  /// Performs a chain's request, completes it with `status`, and raises the interrupt.
  void answer(std::size_t which, std::uint8_t status = 0) {
    const Chain chain = held()[which];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    const std::uint32_t written = status == 0 ? perform(chain) : 1;
    byte_of_status(chain) = std::byte{status};
    side().use(chain.head, written);
    interrupt(kernel::virtio::cause::used_buffer);
  }
  /// Completes all requests, and those that arrive meanwhile.
  template <class World>
  unsigned answer_all(World& world) {
    unsigned count = 0;
    for (world.run(); !held().empty(); world.run()) {
      answer(0);
      ++count;
    }
    return count;
  }

  static std::uint32_t kind_of(const Chain& chain) { return header(chain).kind; }
  static std::uint64_t sector_of(const Chain& chain) { return header(chain).sector; }

  // ── For the driver ──

  void set_status(std::uint8_t value) override {
    if (value == 0) held_.clear();
    FakeTransport::set_status(value);
  }
  std::uint32_t read_config(std::size_t offset) override {
    switch (offset) {
      case 0: return static_cast<std::uint32_t>(model_.sectors());
      case 4: return static_cast<std::uint32_t>(model_.sectors() >> 32);
      case 12: return model_.segment_limit;
      default: return FakeTransport::read_config(offset);
    }
  }

 private:
  struct Header {
    std::uint32_t kind;
    std::uint32_t reserved;
    std::uint64_t sector;
  };

  static Header header(const Chain& chain) {
    Header header;
    REQUIRE(chain.parts.size() >= 2);
    REQUIRE(chain.parts[0].bytes == sizeof header);
    std::memcpy(&header, hal::phys_to_virt(chain.parts[0].address), sizeof header);
    return header;
  }
  static std::byte& byte_of_status(const Chain& chain) {
    REQUIRE(chain.parts.back().bytes == 1);
    return *hal::phys_to_virt(chain.parts.back().address);
  }

  /// Moves the data. Returns the number of bytes written, including the status byte.
  std::uint32_t perform(const Chain& chain) {
    const Header wanted = header(chain);
    std::uint32_t written = 1;
    std::size_t at = wanted.sector * 512;
    std::size_t total = 0;
    for (std::size_t i = 1; i + 1 < chain.parts.size(); ++i) {
      const Descriptor& part = chain.parts[i];
      std::byte* const memory = hal::phys_to_virt(part.address);
      const bool writes = (part.flags & Descriptor::device_writes) != 0;
      REQUIRE(writes == (wanted.kind == 0));
      REQUIRE(at + part.bytes <= model_.bytes.size());
      if (writes) {
        std::memcpy(memory, &model_.bytes[at], part.bytes);
        written += part.bytes;
      } else {
        std::memcpy(&model_.bytes[at], memory, part.bytes);
      }
      at += part.bytes;
      total += part.bytes;
    }
    REQUIRE(total % 512 == 0);
    return written;
  }

  DiskModel& model_;
  std::deque<Chain> held_;
};

}  // namespace test
