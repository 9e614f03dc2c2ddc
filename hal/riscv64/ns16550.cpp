// The console: an NS16550A serial port (National Semiconductor PC16550D data sheet). Before the
// port is found, or if there is none, the console is the firmware's debug console.

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
constexpr std::uint8_t transmit_interrupt = 1 << 1;
constexpr std::size_t fifo_size = 16;
constexpr std::uint8_t enable_fifo = 1 << 0;
constexpr std::uint8_t interrupt_at_14 = 3 << 6;  // after 14 received bytes, or a pause after fewer
constexpr std::uint8_t data_ready = 1 << 0;
constexpr std::uint8_t holding_register_empty = 1 << 5;
constexpr std::uint8_t transmitter_empty = 1 << 6;

std::uint8_t read(Register reg) {
  return devices.uart.window.read<std::uint8_t>(reg << devices.uart.register_shift);
}

void write(Register reg, std::uint8_t value) {
  devices.uart.window.write<std::uint8_t>(reg << devices.uart.register_shift, value);
}

constexpr unsigned no_hart = max_harts;
constinit std::atomic<unsigned> owner = no_hart;  // the hart that holds the console's lock

/// Takes the lock if it is free. May fail spuriously.
bool try_to_own() {
  unsigned expected = no_hart;
  return owner.compare_exchange_weak(expected, hart_index(), std::memory_order_acquire);
}

/// Whether the transmit FIFO is empty, so that it takes `fifo_size` bytes.
bool takes_bytes() {
  return (read(line_status) & holding_register_empty) != 0;
}

void fill_fifo(std::span<const char> bytes) {
  const Window window = devices.uart.window;  // a copy: stores to registers cannot change it
  for (const char byte : bytes) window.write(data, static_cast<std::uint8_t>(byte));
}

void send(std::span<const char> bytes) {
  while (!bytes.empty()) {
    while (!takes_bytes()) {
    }
    const auto burst = bytes.first(std::min(bytes.size(), fifo_size));
    fill_fifo(burst);
    bytes = bytes.subspan(burst.size());
  }
}

constinit ConsoleEvents listening{.input = true, .output = false};

void listen() {
  write(interrupt_enable, static_cast<std::uint8_t>((listening.input ? receive_interrupt : 0) |
                                                    (listening.output ? transmit_interrupt : 0)));
}

}  // namespace

void uart_init() {
  if (!devices.uart.window) return;
  write(fifo_control, enable_fifo | interrupt_at_14);
  listen();
}

}  // namespace riscv64

ConsoleLock::ConsoleLock()
    : nested_{riscv64::owner.load(std::memory_order_relaxed) == hart_index()} {
  while (!nested_ && !riscv64::try_to_own()) relax();
}

ConsoleLock::~ConsoleLock() {
  unsigned self = hart_index();  // another hart may have taken over the console
  if (!nested_) {
    riscv64::owner.compare_exchange_strong(self, riscv64::no_hart, std::memory_order_release);
  }
}

void console_write(std::span<const char> bytes) {
  using namespace riscv64;
  const ConsoleLock lock;
  devices.uart.window ? send(bytes) : sbi::console_write(bytes);
}

void console_take_over() {
  using namespace riscv64;
  constexpr std::uint64_t take_over_limit_ns = 20'000'000;
  const std::uint64_t end = now_ns() + take_over_limit_ns;
  while (!try_to_own() && now_ns() < end) {
  }
  owner.store(hart_index(), std::memory_order_relaxed);
}

void console_flush() {
  using namespace riscv64;
  if (!devices.uart.window) return;
  while ((read(line_status) & transmitter_empty) == 0) {
  }
}

std::size_t console_send(std::span<const char> bytes) {
  using namespace riscv64;
  if (!devices.uart.window) {
    sbi::console_write(bytes);
    return bytes.size();
  }
  if (!takes_bytes()) return 0;
  const auto burst = bytes.first(std::min(bytes.size(), fifo_size));
  fill_fifo(burst);
  return burst.size();
}

std::optional<char> console_read() {
  using namespace riscv64;
  if (!devices.uart.window || (read(line_status) & data_ready) == 0) return std::nullopt;
  return static_cast<char>(read(data));
}

void console_listen(ConsoleEvents wanted) {
  using namespace riscv64;
  if (!devices.uart.window || wanted == listening) return;
  listening = wanted;
  listen();
}

Irq console_interrupt() {
  return riscv64::devices.uart.irq;
}

}  // namespace hal
