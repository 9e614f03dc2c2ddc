// The console: an NS16550A serial port (National Semiconductor PC16550D data sheet). Before the
// port is found, or if there is none, the console is the firmware's, if the machine has one.

#include <hal/console.h>

#include <hal/hart.h>
#include <hal/timer.h>

#include <algorithm>
#include <atomic>

#include "serial_port.h"

namespace hal {
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

constexpr unsigned no_hart = max_harts;
constinit std::atomic<unsigned> owner = no_hart;  // the hart that holds the console's lock

/// Takes the lock if it is free. May fail spuriously.
bool try_to_own() {
  unsigned expected = no_hart;
  return owner.compare_exchange_weak(expected, hart_index(), std::memory_order_acquire);
}

/// Whether the transmit FIFO is empty, so that it takes `fifo_size` bytes.
bool takes_bytes() {
  return (serial::port().read(line_status) & holding_register_empty) != 0;
}

void fill_fifo(std::span<const char> bytes) {
  const serial::Port port = serial::port();
  for (const char byte : bytes) port.write(data, static_cast<std::uint8_t>(byte));
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
  serial::port().write(interrupt_enable,
                       static_cast<std::uint8_t>((listening.input ? receive_interrupt : 0) |
                                                 (listening.output ? transmit_interrupt : 0)));
}

}  // namespace

void serial::start() {
  if (!serial::port()) return;
  serial::port().write(fifo_control, enable_fifo | interrupt_at_14);
  listen();
}

ConsoleLock::ConsoleLock() : nested_{owner.load(std::memory_order_relaxed) == hart_index()} {
  while (!nested_ && !try_to_own()) relax();
}

ConsoleLock::~ConsoleLock() {
  unsigned self = hart_index();  // another hart may have taken over the console
  if (!nested_) {
    owner.compare_exchange_strong(self, no_hart, std::memory_order_release);
  }
}

void console_write(std::span<const char> bytes) {
  const ConsoleLock lock;
  serial::port() ? send(bytes) : serial::write_to_firmware(bytes);
}

void console_take_over() {
  constexpr std::uint64_t take_over_limit_ns = 20'000'000;
  const std::uint64_t end = now_ns() + take_over_limit_ns;
  while (!try_to_own() && now_ns() < end) {
  }
  owner.store(hart_index(), std::memory_order_relaxed);
}

void console_flush() {
  if (!serial::port()) return;
  while ((serial::port().read(line_status) & transmitter_empty) == 0) {
  }
}

std::size_t console_send(std::span<const char> bytes) {
  if (!serial::port()) {
    serial::write_to_firmware(bytes);
    return bytes.size();
  }
  if (!takes_bytes()) return 0;
  const auto burst = bytes.first(std::min(bytes.size(), fifo_size));
  fill_fifo(burst);
  return burst.size();
}

std::optional<char> console_read() {
  if (!serial::port() || (serial::port().read(line_status) & data_ready) == 0) return std::nullopt;
  return static_cast<char>(serial::port().read(data));
}

void console_listen(ConsoleEvents wanted) {
  if (!serial::port() || wanted == listening) return;
  listening = wanted;
  listen();
}

Irq console_interrupt() {
  return serial::interrupt();
}

}  // namespace hal
