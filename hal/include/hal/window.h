// Access to device registers.
#pragma once

#include <hal/machine/registers.h>

#include <cstddef>
#include <cstdint>

namespace hal {

/// A range of device registers, by virtual address; empty if the machine has no such device.
/// Accesses happen as written and in order. To order them with memory that the device also
/// accesses, use device_fence.h.
struct Window {
  std::uintptr_t base = 0;
  std::size_t size = 0;

  explicit operator bool() const { return base != 0; }

  template <class Register>
  Register read(std::size_t offset) const {
    return read_register<Register>(base, offset);
  }
  template <class Register>
  void write(std::size_t offset, Register value) const {
    write_register<Register>(base, offset, value);
  }
};

}  // namespace hal
