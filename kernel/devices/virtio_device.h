// A virtio device as drivers see it (Virtual I/O Device specification 1.2): a transport that knows
// its registers, and what is common to devices with one queue, such as disks and sources of
// entropy: waking them up, agreeing on features, giving them the queue.
#pragma once

#include <async/interrupt.h>
#include <hal/interrupts.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "devices/virtqueue.h"

namespace kernel::virtio {

enum class DeviceType : std::uint32_t { none = 0, block = 2, entropy = 4 };  // section 5

/// Features that are not of one type of device (section 6).
namespace feature {
inline constexpr std::uint64_t indirect_descriptors = std::uint64_t{1} << 28;
inline constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;
}  // namespace feature

/// Bits of the device's status (2.1). Writing 0 resets it.
namespace status {
inline constexpr std::uint8_t acknowledged = 1;
inline constexpr std::uint8_t driver = 2;
inline constexpr std::uint8_t driver_ok = 4;
inline constexpr std::uint8_t features_ok = 8;
inline constexpr std::uint8_t needs_reset = 64;
inline constexpr std::uint8_t failed = 128;
}  // namespace status

/// Why a device interrupts (4.2.2, InterruptStatus).
namespace cause {
inline constexpr std::uint32_t used_buffer = 1;
inline constexpr std::uint32_t configuration = 2;
}  // namespace cause

/// The registers of one device, and its interrupt. Its queue is number 0.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual DeviceType type() = 0;
  /// It follows the specification's drafts from before 1.0: no feature::version_1, and a queue's
  /// three parts are one piece of memory.
  virtual bool is_legacy() = 0;

  virtual std::uint8_t status() = 0;
  virtual void set_status(std::uint8_t value) = 0;
  virtual std::uint64_t offered_features() = 0;
  virtual void accept_features(std::uint64_t features) = 0;

  /// How large the queue may be; 0 where there is none. To be asked after a reset.
  virtual unsigned queue_limit() = 0;
  virtual void set_queue(unsigned size, hal::PhysAddr memory, const Virtqueue::Layout& layout) = 0;
  /// There are new chains in the queue, or room. What was written before is seen by the device.
  virtual void notify() = 0;

  /// The device's own registers: 32 bits at a multiple of 4. A value that is longer is only whole
  /// if the generation is the same before and after reading it (2.5.3).
  virtual std::uint32_t read_config(std::size_t offset) = 0;
  virtual std::uint32_t config_generation() = 0;

  // ── Its interrupt: wait for `line`, acknowledge, look into the queue, complete ──

  virtual async::Interrupt& line() = 0;
  virtual hal::Irq irq() const { return hal::Irq::none; }
  /// Takes back what the device interrupts for: `cause` bits. What it has done before is seen.
  virtual std::uint32_t acknowledge() = 0;
  /// The line may be raised again.
  virtual void complete_interrupt() = 0;
};

/// A device and its queue. Who uses which part of it when is the driver's business.
class Device {
 public:
  /// `transport` stays. The queue has `queue_size` descriptors, or as many as the device can.
  Device(Transport& transport, unsigned queue_size) : transport_{transport}, limit_{queue_size} {}
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// From reset to working (3.1.1), with as many of the `wanted` features as it offers. False: it
  /// does not want, or there is no memory. After a reset, start() again; the queue is then empty.
  bool start(std::uint64_t wanted);
  /// The device lets go of the queue. False: it does not say so, and may be doing anything.
  bool reset();
  /// Tells the device that we have given up on it.
  void fail() { transport_.set_status(transport_.status() | status::failed); }

  bool has(std::uint64_t feature) const { return (features_ & feature) != 0; }
  Transport& transport() { return transport_; }
  Virtqueue& queue() { return *queue_; }
  bool wants_reset() { return (transport_.status() & status::needs_reset) != 0; }

  /// A 64-bit number of the device's own registers.
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
