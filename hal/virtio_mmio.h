// Virtio over memory-mapped registers (Virtual I/O Device specification 1.2, section 4.2.2; section
// 4.2.4 for devices before version 1.0).
#pragma once

#include <hal/virtio.h>
#include <hal/window.h>

#include <span>

namespace hal::virtio {

/// The registers of a device. A window may have no device: its DeviceID register then reads 0.
struct MmioWindow {
  Window window;
  Irq irq = Irq::none;
};

inline constexpr std::size_t most_mmio_windows = 32;

/// The machine's windows, at most most_mmio_windows, sorted by address. They are mapped from
/// enter_kernel_space() on.
std::span<const MmioWindow> mmio_windows();

class MmioTransport final : public Transport {
 public:
  /// Whether `window` has a device that this class supports.
  static bool finds_device(const Window& window);

  /// `place` has a device: see finds_device().
  explicit MmioTransport(const MmioWindow& place);

  DeviceType type() override;
  bool is_legacy() override { return is_legacy_; }
  std::uint8_t status() override;
  void set_status(std::uint8_t value) override;
  std::uint64_t offered_features() override;
  void accept_features(std::uint64_t features) override;
  unsigned queue_limit(unsigned queue) override;
  bool set_queue(unsigned queue, const QueueMemory& memory) override;
  void notify(unsigned queue) override;
  std::uint32_t read_config(std::size_t offset) override;
  std::uint8_t read_config_byte(std::size_t offset) override;
  std::uint32_t config_generation() override;
  Irq irq() const override { return irq_; }
  std::uint32_t acknowledge() override;
  void complete_interrupt() override;

 private:
  const Window registers_;
  const Irq irq_;
  const bool is_legacy_;
};

}  // namespace hal::virtio
