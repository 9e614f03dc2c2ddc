// A virtio device as drivers see it (Virtual I/O Device specification 1.2). Transport accesses the
// registers. Device does the work that is common to devices with one queue, such as disks and
// sources of entropy: initialization, negotiation of features, setup of the queue.
#pragma once

#include <async/interrupt.h>
#include <hal/interrupts.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "devices/virtqueue.h"

namespace kernel::virtio {

enum class DeviceType : std::uint32_t { none = 0, block = 2, entropy = 4 };  // section 5

/// Features of all types of devices (section 6).
namespace feature {
inline constexpr std::uint64_t indirect_descriptors = std::uint64_t{1} << 28;
inline constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;
}  // namespace feature

/// Bits of the device's status (2.1). Writing 0 resets the device.
namespace status {
inline constexpr std::uint8_t acknowledged = 1;
inline constexpr std::uint8_t driver = 2;
inline constexpr std::uint8_t driver_ok = 4;
inline constexpr std::uint8_t features_ok = 8;
inline constexpr std::uint8_t needs_reset = 64;
inline constexpr std::uint8_t failed = 128;
}  // namespace status

/// The causes of an interrupt (4.2.2, InterruptStatus).
namespace cause {
inline constexpr std::uint32_t used_buffer = 1;
inline constexpr std::uint32_t configuration = 2;
}  // namespace cause

/// The registers of one device, and its interrupt. Its queue is number 0.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual DeviceType type() = 0;
  /// Whether the device follows the drafts before version 1.0: it has no feature::version_1, and
  /// the three parts of a queue are contiguous.
  virtual bool is_legacy() = 0;

  virtual std::uint8_t status() = 0;
  virtual void set_status(std::uint8_t value) = 0;
  virtual std::uint64_t offered_features() = 0;
  virtual void accept_features(std::uint64_t features) = 0;

  /// The largest size of the queue. 0: there is no queue. Valid after a reset.
  virtual unsigned queue_limit() = 0;
  virtual void set_queue(unsigned size, hal::PhysAddr memory, const Virtqueue::Layout& layout) = 0;
  /// Notifies the device that the queue has new chains. The device sees all earlier writes to
  /// memory.
  virtual void notify() = 0;

  /// Reads 32 bits of the device's configuration, at a multiple of 4. A longer value is consistent
  /// only if the generation is the same before and after reading it (2.5.3).
  virtual std::uint32_t read_config(std::size_t offset) = 0;
  virtual std::uint32_t config_generation() = 0;

  // ── The interrupt: wait for `line`, acknowledge, read the queue, complete ──

  virtual async::Interrupt& line() = 0;
  virtual hal::Irq irq() const { return hal::Irq::none; }
  /// Clears the causes of the interrupt and returns them (`cause` bits). The caller sees all
  /// earlier writes of the device.
  virtual std::uint32_t acknowledge() = 0;
  /// Lets the line be raised again.
  virtual void complete_interrupt() = 0;
};

/// A device and its queue. The driver must serialize all accesses.
class Device {
 public:
  /// `transport` must outlive the device. The queue has `queue_size` descriptors, or fewer if the
  /// device supports fewer.
  Device(Transport& transport, unsigned queue_size) : transport_{transport}, limit_{queue_size} {}
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// Resets and initializes the device (3.1.1), with those `wanted` features that it offers. False:
  /// the device refuses, or there is no memory. A device that was reset() needs start() again.
  bool start(std::uint64_t wanted);
  /// Resets the device, so that it no longer uses the queue. False: the device does not confirm
  /// this and may still access memory.
  bool reset();
  /// Tells the device that the driver has given up.
  void fail() { transport_.set_status(transport_.status() | status::failed); }

  bool has(std::uint64_t feature) const { return (features_ & feature) != 0; }
  Transport& transport() { return transport_; }
  Virtqueue& queue() { return *queue_; }
  bool wants_reset() { return (transport_.status() & status::needs_reset) != 0; }

  /// A 64-bit value of the device's configuration.
  std::uint64_t read_config_64(std::size_t offset);

 private:
  bool agree_on_features(std::uint64_t wanted);
  bool make_queue();

  Transport& transport_;
  const unsigned limit_;
  std::uint64_t features_ = 0;
  std::byte* memory_ = nullptr;  // 2^order_ pages
  unsigned order_ = 0;
  std::optional<Virtqueue> queue_;
};

}  // namespace kernel::virtio
