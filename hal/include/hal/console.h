// The machine's console: one stream of bytes in each direction.
#pragma once

#include <hal/interrupts.h>

#include <cstddef>
#include <optional>
#include <span>

namespace hal {

/// A lock on the console device, held for the object's lifetime with interrupts masked. Other harts
/// spin until it is free. The holder may lock again, for example when it panics.
class [[nodiscard]] ConsoleLock {
 public:
  ConsoleLock();
  ~ConsoleLock();
  ConsoleLock(const ConsoleLock&) = delete;
  ConsoleLock& operator=(const ConsoleLock&) = delete;

 private:
  InterruptGuard masked_;
  bool nested_;
};

/// Writes all of `bytes` without interruption by other harts' output. Locks the console and spins
/// while the device is busy. Any context, panics included.
void console_write(std::span<const char> bytes);
/// A string literal would write its terminating zero, too: pass a std::string_view.
template <std::size_t n>
void console_write(const char (&)[n]) = delete;

/// Gives the console lock to this hart for good; other harts that want it spin for ever. Waits at
/// most 20 ms for the present holder. Only for a panic.
void console_take_over();

/// Waits until the device has sent every byte. Any context.
void console_flush();

// ── For a driver ──

/// Gives the device as many of `bytes` as it takes without waiting. Returns their number, which may
/// be 0. The caller holds a ConsoleLock.
std::size_t console_send(std::span<const char> bytes);

/// Takes one received byte; nothing if none has arrived. Only one caller at a time.
std::optional<char> console_read();

/// Selects the conditions that raise the console's interrupt: `input`, a byte has arrived;
/// `output`, the device can take bytes. The interrupt stays raised while the condition holds.
/// Initially only `input` is selected. The caller holds a ConsoleLock.
struct ConsoleEvents {
  bool input;
  bool output;
  bool operator==(const ConsoleEvents&) const = default;
};
void console_listen(ConsoleEvents wanted);

/// The console's interrupt line; Irq::none if the console must be polled.
Irq console_interrupt();

}  // namespace hal
