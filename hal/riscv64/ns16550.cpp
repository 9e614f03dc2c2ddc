// The console: an NS16550A serial port (National Semiconductor PC16550D data sheet), or the
// firmware's debug console as long as, or wherever, there is none.

#include <hal/console.h>

#include <hal/hart.h>
#include <hal/timer.h>

#include <algorithm>
#include <atomic>

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

constexpr unsigned nobody = max_harts;
constinit std::atomic<unsigned> writer = nobody;

/// Whether it is this hart's turn now.
bool try_to_write() {
  unsigned expected = nobody;
  return writer.compare_exchange_weak(expected, hart_index(), std::memory_order_acquire);
}

/// One hart's turn to write. A turn within the same hart's turn (a panic there) is part of it.
class Turn {
 public:
  Turn() : nested_{writer.load(std::memory_order_relaxed) == hart_index()} {
    while (!nested_ && !try_to_write()) {
    }
  }
  ~Turn() {
    unsigned self = hart_index();  // unless the console has been taken over meanwhile
    if (!nested_) writer.compare_exchange_strong(self, nobody, std::memory_order_release);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  InterruptGuard guard_;
  bool nested_;
};

void send(std::span<const char> bytes) {
  while (!bytes.empty()) {
    while (!console_ready()) {
    }
    const auto burst = bytes.first(std::min(bytes.size(), console_burst));
    for (const char byte : burst) write(data, static_cast<std::uint8_t>(byte));
    bytes = bytes.subspan(burst.size());
  }
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
  const Turn turn;
  devices.uart.window ? send(bytes) : sbi::console_write(bytes);
}

void console_take_over() {
  using namespace riscv64;
  constexpr std::uint64_t patience_ns = 20'000'000;
  const std::uint64_t end = now_ns() + patience_ns;
  while (!try_to_write() && now_ns() < end) {
  }
  writer.store(hart_index(), std::memory_order_relaxed);
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
