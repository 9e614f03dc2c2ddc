// The machine's console: one byte stream each way.
#pragma once

#include <hal/interrupts.h>

#include <cstddef>
#include <optional>
#include <span>

namespace hal {

/// One hart's turn at the device, for its lifetime: the others wait for it, with interrupts masked.
/// A turn within the same hart's turn (a panic's) is part of it.
class [[nodiscard]] ConsoleTurn {
 public:
  ConsoleTurn();
  ~ConsoleTurn();
  ConsoleTurn(const ConsoleTurn&) = delete;
  ConsoleTurn& operator=(const ConsoleTurn&) = delete;

 private:
  InterruptGuard masked_;
  bool nested_;
};

/// Writes all of `bytes` in one piece, a turn of its own, waiting for the device where it must. Any
/// context, panics included.
void console_write(std::span<const char> bytes);

/// From now on every turn is this hart's: another that wants one waits for ever. For a panic: a
/// hart that has one and does not end it is interrupted.
void console_take_over();

/// Waits until the device has sent everything. Any context.
void console_flush();

// ── For a driver ──

/// Gives the device as much of `bytes` as it takes without waiting; returns how much. In a turn.
std::size_t console_send(std::span<const char> bytes);

/// A byte that has arrived, or nothing. One caller.
std::optional<char> console_read();

/// What the device is to interrupt for, until it has been served: `input`, there is something to
/// read; `output`, it can be given more. In a turn. At first it is input alone.
struct ConsoleEvents {
  bool input;
  bool output;
  bool operator==(const ConsoleEvents&) const = default;
};
void console_listen(ConsoleEvents wanted);

/// The line it interrupts on; `Irq::none` where it does not and has to be polled.
Irq console_interrupt();

}  // namespace hal
