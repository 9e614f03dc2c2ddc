// Device registers, in memory where the machine has them there.
#pragma once

#include <hal/machine/registers.h>

#include <cstddef>
#include <cstdint>

namespace hal {

/// A window of device registers, by virtual address; empty where the machine has no such device.
/// Accesses happen as written and in order among themselves; ordering them with memory that the
/// device reads or writes itself takes a fence of the driver's.
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
