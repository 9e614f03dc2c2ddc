// The registers of a fake virtio device, and its interrupt line. After an interrupt the line is not
// raised again until the driver has completed the interrupt.
#pragma once

#include <async/interrupt.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <utility>

#include "device_side.h"
#include "devices/virtio_device.h"

namespace test {

class FakeTransport : public kernel::virtio::Transport {
 public:
  explicit FakeTransport(kernel::virtio::DeviceType type) : type_{type} { newest = this; }
  virtual ~FakeTransport() = default;
  FakeTransport(const FakeTransport&) = delete;
  FakeTransport& operator=(const FakeTransport&) = delete;

  /// The device whose interrupt kernel::interrupt_line() returns.
  static inline FakeTransport* newest = nullptr;

  // ── Set by tests ──

  std::uint64_t features = kernel::virtio::feature::version_1;
  unsigned limit = 256;
  unsigned queues = 1;
  bool legacy = false;
  bool accepts = true;     // the device accepts the driver's features
  bool comes_back = true;  // the device recovers from the next reset
  bool can_interrupt = true;

  // ── Counters for tests ──

  unsigned resets = 0;
  unsigned notifications = 0;
  unsigned completed_interrupts = 0;
  std::uint64_t accepted = 0;

  // ── For tests ──

  DeviceSide& side(unsigned queue = 0) { return sides_.at(queue); }
  async::Interrupt& line() { return line_; }
  void interrupt(std::uint32_t causes) {
    causes_ |= causes;
    if (std::exchange(claimed_, true)) {
      pending_ = true;
    } else {
      line_.raise();
    }
  }
  void ask_for_reset() {
    status_ |= kernel::virtio::status::needs_reset;
    interrupt(kernel::virtio::cause::configuration);
  }

  // ── For the driver ──

  kernel::virtio::DeviceType type() override { return type_; }
  bool is_legacy() override { return legacy; }
  std::uint8_t status() override { return comes_back ? status_ : 0xff; }
  void set_status(std::uint8_t value) override {
    status_ = value;
    if (!accepts) status_ &= ~kernel::virtio::status::features_ok;
    if (value != 0) return;
    ++resets;
    sides_ = {};
    causes_ = 0;
  }
  std::uint64_t offered_features() override { return features; }
  void accept_features(std::uint64_t chosen) override {
    CHECK((chosen & ~features) == 0);
    accepted = chosen;
  }
  unsigned queue_limit(unsigned queue) override { return queue < queues ? limit : 0; }
  bool set_queue(unsigned queue, const hal::virtio::QueueMemory& memory) override {
    const kernel::virtio::Virtqueue::Layout layout{memory.size};
    CHECK(memory.size <= limit);
    CHECK(memory.available - memory.descriptors == layout.available);
    CHECK(memory.used - memory.descriptors == layout.used);
    side(queue) = DeviceSide{hal::phys_to_virt(memory.descriptors), memory.size};
    return can_interrupt;
  }
  void notify(unsigned) override {
    CHECK((status_ & kernel::virtio::status::driver_ok) != 0);
    ++notifications;
  }
  std::uint32_t read_config(std::size_t) override {
    FAIL("there is no such register");
    return 0;
  }
  std::uint8_t read_config_byte(std::size_t) override {
    FAIL("there is no such register");
    return 0;
  }
  std::uint32_t config_generation() override { return 0; }
  hal::Irq irq() const override { return hal::Irq{1}; }
  std::uint32_t acknowledge() override { return std::exchange(causes_, 0); }
  void complete_interrupt() override {
    ++completed_interrupts;
    claimed_ = false;
    if (std::exchange(pending_, false)) interrupt(0);
  }

 private:
  const kernel::virtio::DeviceType type_;
  std::array<DeviceSide, hal::virtio::most_queues> sides_;
  std::uint8_t status_ = 0;
  std::uint32_t causes_ = 0;
  bool claimed_ = false;
  bool pending_ = false;
  async::Interrupt line_;
};

}  // namespace test
