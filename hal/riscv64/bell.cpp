// The alarm of the Goldfish real-time clock (Android emulator's goldfish device documentation,
// RTC). An alarm set to a time in the past raises its interrupt at once.

#include <hal/bell.h>

#include "devices.h"

namespace hal {
namespace {

using riscv64::devices;

constexpr std::size_t alarm_low = 0x08;  // a write sets the alarm
constexpr std::size_t alarm_high = 0x0c;
constexpr std::size_t interrupt_enabled = 0x10;
constexpr std::size_t clear_interrupt = 0x1c;

void write(std::size_t offset, std::uint32_t value) {
  devices.clock.write<std::uint32_t>(offset, value);
}

}  // namespace

Irq bell_interrupt() {
  return devices.clock ? devices.clock_irq : Irq::none;
}

void enable_bell() {
  write(interrupt_enabled, 1);
  write(alarm_high, 0);
}

void ring_bell() {
  write(alarm_low, 0);
}

void silence_bell() {
  write(clear_interrupt, 1);
}

}  // namespace hal
