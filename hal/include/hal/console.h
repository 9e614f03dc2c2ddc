// The machine's console: one byte stream each way.
#pragma once

#include <hal/interrupts.h>

#include <cstddef>
#include <optional>
#include <span>

namespace hal {

/// Writes all of `bytes` in one piece, waiting for the device and for other harts' writing where it
/// must. Any context, panics included.
void console_write(std::span<const char> bytes);

/// From now on the console is this hart's alone: another that writes waits for ever. For a panic: a
/// hart that was writing and does not finish is interrupted.
void console_take_over();

/// Whether console_write would take `console_burst` bytes without waiting. Any context.
bool console_ready();
inline constexpr std::size_t console_burst = 16;

/// Waits until the device has sent everything. Any context.
void console_flush();

/// A byte that has arrived, or nothing. Task context, one caller.
std::optional<char> console_read();

/// The line that is raised when there is something to read; `Irq::none` where there is no such
/// interrupt and the console has to be polled.
Irq console_interrupt();

}  // namespace hal
