// The machine's virtio devices (Virtual I/O Device specification 1.2). A driver uses a device only
// through Transport, which hides the bus: memory-mapped registers (4.2) or PCI (4.1).
#pragma once

#include <hal/interrupts.h>
#include <hal/memory_map.h>

#include <cstddef>
#include <cstdint>

namespace hal::virtio {

enum class DeviceType : std::uint32_t { none = 0, block = 2, entropy = 4 };  // section 5

/// Bits of the device's status (2.1). Writing 0 resets the device.
namespace status {
inline constexpr std::uint8_t acknowledged = 1;
inline constexpr std::uint8_t driver = 2;
inline constexpr std::uint8_t driver_ok = 4;
inline constexpr std::uint8_t features_ok = 8;
inline constexpr std::uint8_t needs_reset = 64;
inline constexpr std::uint8_t failed = 128;
}  // namespace status

/// The causes of an interrupt (4.1.4.5 and 4.2.2, InterruptStatus).
namespace cause {
inline constexpr std::uint32_t used_buffer = 1;
inline constexpr std::uint32_t configuration = 2;
}  // namespace cause

/// The queues of a device are numbered from 0. Drivers use at most this many.
inline constexpr unsigned most_queues = 2;

/// The memory of a queue with `size` descriptors: the physical addresses of its three parts (2.7).
struct QueueMemory {
  unsigned size;
  PhysAddr descriptors;
  PhysAddr available;
  PhysAddr used;
};

/// The registers of one device, and its interrupt, which all its queues share. The caller
/// serializes all calls but those of notify(). A `queue` is a number below most_queues.
class Transport {
 public:
  virtual DeviceType type() = 0;
  /// Whether the device follows the drafts before version 1.0: it has no feature "version 1", and
  /// the three parts of a queue are contiguous.
  virtual bool is_legacy() = 0;

  virtual std::uint8_t status() = 0;
  virtual void set_status(std::uint8_t value) = 0;
  virtual std::uint64_t offered_features() = 0;
  virtual void accept_features(std::uint64_t features) = 0;

  /// The largest size of a queue. 0: there is no such queue. Valid after a reset.
  virtual unsigned queue_limit(unsigned queue) = 0;
  /// False: the device cannot use the queue, or cannot interrupt for it.
  virtual bool set_queue(unsigned queue, const QueueMemory& memory) = 0;
  /// Notifies the device that a queue has new chains. The device sees all earlier writes to memory.
  virtual void notify(unsigned queue) = 0;

  /// Reads 32 bits of the device's configuration, at a multiple of 4. A longer value is consistent
  /// only if the generation is the same before and after reading it (2.5.3).
  virtual std::uint32_t read_config(std::size_t offset) = 0;
  /// Reads 8 bits of it: its length need not be a multiple of 4.
  virtual std::uint8_t read_config_byte(std::size_t offset) = 0;
  virtual std::uint32_t config_generation() = 0;

  // ── The interrupt: claim it, acknowledge, read the queue, complete ──

  virtual Irq irq() const = 0;
  /// Clears the causes of the interrupt and returns them (`cause` bits). The caller sees all
  /// earlier writes of the device.
  virtual std::uint32_t acknowledge() = 0;
  /// Lets the device interrupt again.
  virtual void complete_interrupt() = 0;

 protected:
  ~Transport() = default;
};

/// Calls use(device) for each device that the machine has and this kernel supports, in the order of
/// their places. The devices exist for ever. Call it once, after enter_kernel_space().
void for_each_device(void (*use)(Transport& device));

}  // namespace hal::virtio
