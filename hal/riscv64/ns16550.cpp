// The console: an NS16550A serial port (National Semiconductor PC16550D data sheet), or the
// firmware's debug console as long as, or wherever, there is none.

#include <hal/console.h>

#include <algorithm>

#include "devices.h"
#include "sbi.h"

namespace hal {
namespace riscv64 {
namespace {

enum Register : unsigned { data = 0, interrupt_enable = 1, fifo_control = 2, line_status = 5 };
constexpr std::uint8_t receive_interrupt = 1 << 0;
constexpr std::uint8_t enable_fifo = 1 << 0;
constexpr std::uint8_t interrupt_at_14 = 3 << 6;  // bytes received, or a pause after fewer
constexpr std::uint8_t data_ready = 1 << 0;
constexpr std::uint8_t holding_register_empty = 1 << 5;
constexpr std::uint8_t transmitter_empty = 1 << 6;

std::uint8_t read(Register reg) {
  return devices.uart.window.read<std::uint8_t>(reg << devices.uart.register_shift);
}

void write(Register reg, std::uint8_t value) {
  devices.uart.window.write<std::uint8_t>(reg << devices.uart.register_shift, value);
}

}  // namespace

void uart_init() {
  if (!devices.uart.window) return;
  write(fifo_control, enable_fifo | interrupt_at_14);
  write(interrupt_enable, receive_interrupt);
}

}  // namespace riscv64

void console_write(std::span<const char> bytes) {
  using namespace riscv64;
  if (!devices.uart.window) return sbi::console_write(bytes);
  while (!bytes.empty()) {
    while (!console_ready()) {
    }
    const auto burst = bytes.first(std::min(bytes.size(), console_burst));
    for (const char byte : burst) write(data, static_cast<std::uint8_t>(byte));
    bytes = bytes.subspan(burst.size());
  }
}

bool console_ready() {
  using namespace riscv64;
  // The holding register is empty when the whole transmit FIFO is.
  return !devices.uart.window || (read(line_status) & holding_register_empty) != 0;
}

void console_flush() {
  using namespace riscv64;
  if (!devices.uart.window) return;
  while ((read(line_status) & transmitter_empty) == 0) {
  }
}

std::optional<char> console_read() {
  using namespace riscv64;
  if (!devices.uart.window || (read(line_status) & data_ready) == 0) return std::nullopt;
  return static_cast<char>(read(data));
}

Irq console_interrupt() {
  return riscv64::devices.uart.irq;
}

}  // namespace hal
