// The keyboard's controller on a PC: Intel 8042, or what newer chipsets have in its place.
#pragma once

#include <cstdint>
#include <optional>

namespace hal::pc {

/// Access to the controller: ports.h and the clock, or those of a test.
struct KeyboardAccess {
  std::uint8_t (*read)(std::uint16_t port);
  void (*write)(std::uint16_t port, std::uint8_t value);
  std::uint64_t (*now_ns)();
};

/// Makes the controller interrupt when a key is pressed or released, and translate the keyboard's
/// codes to set 1. Returns false if there is no controller, or if it does not react within 20 ms.
bool start_keyboard_controller(const KeyboardAccess& access);

/// Takes a byte of the keyboard. Bytes of a mouse, and bytes that arrived damaged, are dropped.
std::optional<std::uint8_t> read_keyboard(const KeyboardAccess& access);

/// Starts the machine's controller, if it has one. Call it once at boot, when the lines of the
/// I/O APICs are masked and the clock runs.
void start_keyboard();

}  // namespace hal::pc
