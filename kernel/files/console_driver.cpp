#include "files/console_driver.h"

#include <async/sleep.h>
#include <hal/console.h>

#include <chrono>

#include "devices/interrupts.h"

namespace kernel {
namespace {

/// Moves what the device has, as far as the terminal has room. False: the terminal is full.
bool drain(Terminal& terminal) {
  while (terminal.has_room()) {
    const auto byte = hal::console_read();
    if (!byte) return true;
    terminal.receive(*byte);
  }
  return false;
}

/// Where the device cannot call.
async::Task<> poll_console(Terminal& terminal) {
  using namespace std::chrono_literals;
  for (;;) {
    if (!drain(terminal)) {
      co_await terminal.room().wait("room for console input");
    } else {
      co_await async::sleep_for(10ms, "next look at the console");
    }
  }
}

}  // namespace

async::Task<> drive_console(Terminal& terminal) {
  const hal::Irq irq = hal::console_interrupt();
  if (irq == hal::Irq::none) co_return co_await poll_console(terminal);

  async::Interrupt& line = interrupt_line(irq);
  hal::enable_interrupt(irq);
  for (;;) {
    co_await line.wait("console input");
    // Bytes that find no room stay in the device, which then holds back whoever sends.
    while (!drain(terminal)) co_await terminal.room().wait("room for console input");
    hal::complete_interrupt(irq);
  }
}

async::Task<> revive_console(Terminal& terminal) {
  using namespace std::chrono_literals;
  for (;;) {
    co_await terminal.stalled().wait("console output to stall");
    while (!terminal.is_ready()) co_await async::sleep_for(2ms, "console output to go on");
    terminal.go_on();
  }
}

}  // namespace kernel
