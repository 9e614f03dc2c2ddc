// The registers of the console's serial port: COM1.
#pragma once

#include <hal/interrupts.h>

#include <cstdint>
#include <span>

#include "ports.h"

namespace hal::serial {

/// Selects the FIFO and the interrupts of the port. Call it once at boot.
void start();

/// COM1 is at the same ports on every PC.
struct Port {
  static constexpr std::uint16_t first_port = 0x3f8;

  explicit operator bool() const { return true; }
  static std::uint8_t read(unsigned reg) {
    return pc::read_port(static_cast<std::uint16_t>(first_port + reg));
  }
  static void write(unsigned reg, std::uint8_t value) {
    pc::write_port(static_cast<std::uint16_t>(first_port + reg), value);
  }
};
inline Port port() {
  return {};
}

/// Irq::none if no I/O APIC has the line.
Irq interrupt();

/// The firmware has no console that works in long mode.
inline void write_to_firmware(std::span<const char>) {}

}  // namespace hal::serial
