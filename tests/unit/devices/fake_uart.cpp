#include "fake_uart.h"

#include <algorithm>
#include <memory>

namespace {

std::unique_ptr<test::FakeUart> uart;
std::unique_ptr<async::Interrupt> line;

}  // namespace

test::FakeUart& test::new_uart() {
  uart = std::make_unique<FakeUart>();
  line = std::make_unique<async::Interrupt>(0);
  return *uart;
}

void test::FakeUart::receive(std::string_view bytes) {
  arrived += bytes;
  update();
}

void test::FakeUart::sent_all() {
  is_empty = true;
  update();
}

void test::FakeUart::update() {
  const bool asks = storms || (listening.input && !arrived.empty()) ||
                    (listening.output && (is_empty || is_fast));
  if (!has_interrupt || claimed || !asks) return;
  claimed = true;
  ++interrupts;
  line->raise();
}

// ── hal/console.h and hal/interrupts.h ──

namespace hal {

ConsoleLock::ConsoleLock() : nested_{false} {}
ConsoleLock::~ConsoleLock() {
  (void)nested_;
}

void console_write(std::span<const char> bytes) {
  uart->shown.append(bytes.data(), bytes.size());
}

std::size_t console_send(std::span<const char> bytes) {
  constexpr std::size_t fifo = 16;
  if (!uart->is_fast && !uart->is_empty) return 0;
  bytes = bytes.first(std::min(bytes.size(), fifo));
  uart->shown.append(bytes.data(), bytes.size());
  uart->is_empty = bytes.empty();
  return bytes.size();
}

std::optional<char> console_read() {
  if (uart->arrived.empty()) return std::nullopt;
  const char byte = uart->arrived.front();
  uart->arrived.erase(0, 1);
  return byte;
}

void console_listen(ConsoleEvents wanted) {
  uart->listening = wanted;
  uart->update();
}

Irq console_interrupt() {
  return uart->has_interrupt ? Irq{10} : Irq::none;
}

void enable_interrupt(Irq) {
  uart->update();
}

void complete_interrupt(Irq) {
  uart->claimed = false;
  uart->update();
}

}  // namespace hal

async::Interrupt& test::uart_line() {
  return *line;
}
