// Access to device registers, and its order with memory that a device also reads or writes.
// Register accesses need no fence among themselves.
#pragma once

#include <hal/machine/registers.h>

#include <cstddef>
#include <cstdint>

namespace hal {

/// A range of device registers, by virtual address; empty if the machine has no such device.
/// Accesses happen as written and in order. The fences below order them with memory that the device
/// also accesses.
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

// hal/machine/registers.h defines the fences.

/// Earlier writes to memory are visible to the device before later writes to its registers. Call it
/// before you notify the device.
void fence_before_device();

/// Reads of memory after this fence see all that the device wrote before an earlier register read.
/// Call it after you read a status register.
void fence_after_device();

}  // namespace hal
