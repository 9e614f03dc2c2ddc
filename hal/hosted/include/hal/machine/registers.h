// Hosted: a device is an object, and its 32-bit registers are accessed through its member
// functions. Devices are threads of the process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hal {
namespace hosted {

/// The functions may be called on any hart, with interrupts masked.
class DeviceModel {
 public:
  virtual std::uint32_t read(std::size_t offset) = 0;
  virtual void write(std::size_t offset, std::uint32_t value) = 0;
};

std::uint32_t read_device(DeviceModel& device, std::size_t offset);
void write_device(DeviceModel& device, std::size_t offset, std::uint32_t value);

}  // namespace hosted

template <class Register>
Register read_register(std::uintptr_t base, std::size_t offset) {
  static_assert(sizeof(Register) == 4 || sizeof(Register) == 1);
  const std::uint32_t word =
      hosted::read_device(*reinterpret_cast<hosted::DeviceModel*>(base), offset / 4 * 4);
  return static_cast<Register>(word >> offset % 4 * 8);
}
template <class Register>
void write_register(std::uintptr_t base, std::size_t offset, Register value) {
  static_assert(sizeof(Register) == 4);
  hosted::write_device(*reinterpret_cast<hosted::DeviceModel*>(base), offset, value);
}

inline void fence_before_device() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
inline void fence_after_device() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace hal
