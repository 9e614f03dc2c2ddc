// Virtio over memory-mapped registers (Virtual I/O Device specification 1.2, section 4.2.2; section
// 4.2.4 for devices before version 1.0).
#pragma once

#include <hal/virtio.h>

#include "devices/virtio_device.h"

namespace kernel::virtio {

class MmioTransport final : public Transport {
 public:
  /// Whether `window` has a device that this class supports.
  static bool finds_device(const hal::Window& window);

  /// `place` has a device: see finds_device(). Enables its interrupt on the hart that calls this
  /// constructor.
  explicit MmioTransport(const hal::VirtioWindow& place);

  DeviceType type() override;
  bool is_legacy() override { return is_legacy_; }
  std::uint8_t status() override;
  void set_status(std::uint8_t value) override;
  std::uint64_t offered_features() override;
  void accept_features(std::uint64_t features) override;
  unsigned queue_limit() override;
  void set_queue(unsigned size, hal::PhysAddr memory, const Virtqueue::Layout& layout) override;
  void notify() override;
  std::uint32_t read_config(std::size_t offset) override;
  std::uint32_t config_generation() override;
  async::Interrupt& line() override { return line_; }
  hal::Irq irq() const override { return irq_; }
  std::uint32_t acknowledge() override;
  void complete_interrupt() override;

 private:
  const hal::Window registers_;
  const hal::Irq irq_;
  async::Interrupt& line_;
  const bool is_legacy_;
};

}  // namespace kernel::virtio
