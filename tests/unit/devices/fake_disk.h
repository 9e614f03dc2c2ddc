// A virtio disk played by a test: its registers, its sectors, and a wish to behave well or not.
#pragma once

#include <async/async.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../async/support.h"
#include "../files/support.h"
#include "../memory/machine.h"
#include "device_side.h"
#include "devices/block_device.h"

namespace test {

/// What a disk is like. A test changes it while the disk is used.
struct DiskModel {
  std::vector<std::byte> bytes = std::vector<std::byte>(64 * 512);
  std::uint64_t features = kernel::virtio::feature::version_1 |
                           kernel::virtio::feature::indirect_descriptors | 1 << 2 | 1 << 9;
  unsigned queue_limit = 256;
  std::uint32_t segment_limit = 254;
  bool legacy = false;
  bool accepts_features = true;
  bool comes_back = true;  // from a reset

  std::uint64_t capacity_sectors() const { return bytes.size() / 512; }

  // What has happened.
  unsigned resets = 0;
  unsigned notifications = 0;
  unsigned completed_interrupts = 0;
  std::uint64_t accepted = 0;
};

class FakeDisk final : public kernel::virtio::Transport {
 public:
  using Chain = DeviceSide::Chain;

  explicit FakeDisk(DiskModel& model) : model_{model} {}

  // ── What the test does ──

  /// Chains that the disk has and has not answered, in the order in which they came.
  std::deque<Chain>& held() {
    while (auto chain = side_.next()) held_.push_back(*chain);
    return held_;
  }
  /// Does what a chain asks for, with this status in the end, and raises the interrupt.
  void answer(std::size_t which, std::uint8_t status = 0) {
    const Chain chain = held()[which];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    side_.use(chain.head, status == 0 ? perform(chain) : 1);
    byte_of_status(chain) = std::byte{status};
    interrupt(kernel::virtio::cause::used_buffer);
  }
  /// All it has and will be given meanwhile.
  unsigned answer_all(async_test::Fixture& world) {
    unsigned count = 0;
    for (world.run(); !held().empty(); world.run()) {
      answer(0);
      ++count;
    }
    return count;
  }
  void interrupt(std::uint32_t causes) {
    causes_ |= causes;
    if (claimed_) {
      pending_ = true;  // until the driver completes the one it has
      return;
    }
    claimed_ = true;
    line_.raise();
  }
  DeviceSide& side() { return side_; }
  void ask_for_reset() {
    status_ |= kernel::virtio::status::needs_reset;
    interrupt(kernel::virtio::cause::configuration);
  }

  static std::uint32_t kind_of(const Chain& chain) { return header(chain).kind; }
  static std::uint64_t sector_of(const Chain& chain) { return header(chain).sector; }

  // ── What the driver does ──

  kernel::virtio::DeviceType type() override { return kernel::virtio::DeviceType::block; }
  bool is_legacy() override { return model_.legacy; }
  std::uint8_t status() override {
    if (!model_.comes_back && model_.resets > 1) return 0xff;
    return status_;
  }
  void set_status(std::uint8_t value) override {
    status_ = value;
    if (value == 0) {
      ++model_.resets;
      held_.clear();
      side_ = {};
      causes_ = 0;
    }
    if (!model_.accepts_features) status_ &= ~kernel::virtio::status::features_ok;
  }
  std::uint64_t offered_features() override { return model_.features; }
  void accept_features(std::uint64_t features) override {
    CHECK((features & ~model_.features) == 0);
    model_.accepted = features;
  }
  unsigned queue_limit() override { return model_.queue_limit; }
  void set_queue(unsigned size, hal::PhysAddr memory,
                 const kernel::virtio::Virtqueue::Layout& layout) override {
    CHECK(size <= model_.queue_limit);
    CHECK(layout.bytes == kernel::virtio::Virtqueue::Layout{size}.bytes);
    side_ = DeviceSide{hal::phys_to_virt(memory), size};
  }
  void notify() override {
    CHECK((status_ & kernel::virtio::status::driver_ok) != 0);
    ++model_.notifications;
  }
  std::uint32_t read_config(std::size_t offset) override {
    switch (offset) {
      case 0: return static_cast<std::uint32_t>(model_.capacity_sectors());
      case 4: return static_cast<std::uint32_t>(model_.capacity_sectors() >> 32);
      case 12: return model_.segment_limit;
      default: FAIL("there is no such register"); return 0;
    }
  }
  std::uint32_t config_generation() override { return generation_; }
  async::Interrupt& line() override { return line_; }
  std::uint32_t acknowledge() override { return std::exchange(causes_, 0); }
  void complete_interrupt() override {
    ++model_.completed_interrupts;
    claimed_ = false;
    if (std::exchange(pending_, false)) {
      claimed_ = true;
      line_.raise();
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

  /// Moves the data; how many bytes it has written, the status included.
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
  DeviceSide side_;
  std::deque<Chain> held_;
  std::uint8_t status_ = 0;
  std::uint32_t causes_ = 0;
  std::uint32_t generation_ = 0;
  bool claimed_ = false;  // the driver has the interrupt and has not completed it
  bool pending_ = false;
  async::Interrupt line_;
};

/// A disk with its driver, in a world with nothing else. The model outlives it.
class DiskWorld {
 public:
  explicit DiskWorld(DiskModel& model) {
    auto transport = std::make_unique<FakeDisk>(model);
    disk = transport.get();
    device = kernel::BlockDevice::start(std::move(transport), "vda");
    if (device == nullptr) return;
    driver_.emplace(async::spawn(device->serve(), {.name = "disk", .priority = 0}));
  }
  ~DiskWorld() {
    if (!driver_) return;
    driver_->cancel();
    world.run();
    CHECK(driver_->done());
  }

  /// Runs a task to its end, the disk answering everything.
  template <class T>
  T finish(async::Task<T> task) {
    auto handle = async::spawn(std::move(task), {.name = "test"});
    disk->answer_all(world);
    return std::move(handle).get();
  }

  Machine machine;
  async_test::Fixture world;
  FakeDisk* disk = nullptr;  // the device's
  std::unique_ptr<kernel::BlockDevice> device;

 private:
  std::optional<async::JoinHandle<void>> driver_;
};

}  // namespace test
