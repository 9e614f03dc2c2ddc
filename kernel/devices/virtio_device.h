// A virtio device as drivers see it (Virtual I/O Device specification 1.2). hal::virtio::Transport
// accesses the registers. Device does the work that is common to all devices: initialization,
// negotiation of features, setup of the queues.
#pragma once

#include <hal/virtio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "devices/virtqueue.h"

namespace kernel::virtio {

using hal::virtio::DeviceType;
using hal::virtio::Transport;
namespace status = hal::virtio::status;
namespace cause = hal::virtio::cause;

/// Features of all types of devices (section 6).
namespace feature {
inline constexpr std::uint64_t indirect_descriptors = std::uint64_t{1} << 28;
inline constexpr std::uint64_t version_1 = std::uint64_t{1} << 32;
}  // namespace feature

/// A queue in memory of its own.
class DeviceQueue {
 public:
  /// The queue has at most `limit` descriptors, and fewer if the device supports fewer.
  explicit DeviceQueue(unsigned limit) : limit_{limit} {}
  ~DeviceQueue();
  DeviceQueue(const DeviceQueue&) = delete;
  DeviceQueue& operator=(const DeviceQueue&) = delete;

  /// Makes it queue `number` of the device. The first call allocates memory. False: the device
  /// lacks or refuses the queue, or there is no memory.
  bool start(Transport& transport, unsigned number);

  Virtqueue& operator*() { return *queue_; }
  Virtqueue* operator->() { return &*queue_; }

 private:
  bool make(unsigned most);

  const unsigned limit_;
  std::byte* memory_ = nullptr;  // 2^order_ pages
  unsigned order_ = 0;
  std::optional<Virtqueue> queue_;
};

/// A device and its queue number 0. The driver must serialize all accesses.
class Device {
 public:
  /// `transport` must outlive the device. The queue has `queue_size` descriptors, or fewer if the
  /// device supports fewer. `more`: the queues 1, 2, …, which also outlive the device.
  Device(Transport& transport, unsigned queue_size, std::span<DeviceQueue> more = {})
      : transport_{transport}, queue_{queue_size}, more_{more} {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// Resets and initializes the device (3.1.1), with those `wanted` features that it offers. False:
  /// the device refuses, or there is no memory. A device that was reset() needs start() again.
  bool start(std::uint64_t wanted);
  /// Resets the device, so that it no longer uses the queues. False: the device does not confirm
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
  bool start_queues();

  Transport& transport_;
  std::uint64_t features_ = 0;
  DeviceQueue queue_;
  const std::span<DeviceQueue> more_;
};

}  // namespace kernel::virtio
