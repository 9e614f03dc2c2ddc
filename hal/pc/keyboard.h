// The keyboard controller of a PC: Intel's 8042, or the part of a newer chipset that replaces it.
#pragma once

#include <cstdint>
#include <optional>

namespace hal::pc {

/// How the code reaches the controller's ports and a clock. Tests pass functions of their own.
struct KeyboardAccess {
  std::uint8_t (*read)(std::uint16_t port);
  void (*write)(std::uint16_t port, std::uint8_t value);
  std::uint64_t (*now_ns)();
};

/// Makes the controller interrupt when a key is pressed or released, and translate the keyboard's
/// codes to set 1. Returns false if there is no controller, or if this takes longer than 20 ms.
bool start_keyboard_controller(const KeyboardAccess& access);

/// Takes a byte of the keyboard. Drops bytes of a mouse, and bytes that arrived damaged.
std::optional<std::uint8_t> read_keyboard(const KeyboardAccess& access);

/// Starts the controller, if the machine has one. Call it once at boot, after the clock has been
/// started, and while all lines of the I/O APICs are masked.
void start_keyboard();

}  // namespace hal::pc
