// The registers of the console's serial port.
#pragma once

#include <hal/interrupts.h>

#include <cstdint>
#include <span>

#include "devices.h"
#include "firmware.h"

namespace hal::serial {

/// Selects the FIFO and the interrupts of the port. Call it once at boot, after the port is found.
void start();

struct Port {
  Window window;
  unsigned register_shift;

  /// False before boot has found the port, and if there is none.
  explicit operator bool() const { return static_cast<bool>(window); }
  std::uint8_t read(unsigned reg) const { return window.read<std::uint8_t>(reg << register_shift); }
  void write(unsigned reg, std::uint8_t value) const {
    window.write<std::uint8_t>(reg << register_shift, value);
  }
};
/// A copy, so that the compiler knows that stores to registers do not change it.
inline Port port() {
  return {riscv64::devices.uart.window, riscv64::devices.uart.register_shift};
}
inline Irq interrupt() {
  return riscv64::devices.uart.irq;
}

inline void write_to_firmware(std::span<const char> bytes) {
  riscv64::firmware::console_write(bytes);
}

}  // namespace hal::serial
