#include "devices/keyboard.h"

#include <hal/keyboard.h>

namespace kernel {

async::Task<> Keyboard::serve(async::Interrupt& line) {
  const hal::Irq irq = hal::keyboard_interrupt();
  hal::enable_interrupt(irq);
  while (co_await line.wait("keyboard") == async::WaitResult::woken) {
    if (const auto pause = backoff_.after(serve_device())) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      (void)serve_device();
    }
    hal::complete_interrupt(irq);
  }
}

/// Returns whether a key has sent bytes. Otherwise InterruptBackoff counts the interrupt as
/// useless. So a device that always has other codes, or codes while the ring is full, does not
/// occupy the hart.
bool Keyboard::serve_device() {
  constexpr int at_once = 16;  // the most codes per call: a broken device may always have more
  bool any = false;
  for (int i = 0; i < at_once && ring_.free() >= ScanCodes::most_bytes; ++i) {
    const auto code = hal::keyboard_read();
    if (!code) break;
    const std::string_view bytes = codes_.accept(*code);
    if (bytes.empty()) continue;
    any = true;
    for (std::size_t at = 0; at < bytes.size(); ++at) ring_.place(at) = bytes[at];
    ring_.put(bytes.size());
    has_input_.raise();
  }
  return any;
}

std::optional<char> Keyboard::take() {
  async::Strand::check_access();
  const std::span<const char> bytes = ring_.front();
  if (bytes.empty()) return std::nullopt;
  const char byte = bytes.front();
  ring_.take(1);
  return byte;
}

}  // namespace kernel
