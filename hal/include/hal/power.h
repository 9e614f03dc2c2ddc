// The end of the machine.
#pragma once

namespace hal {

/// Switches the machine off. `code` (0 … 255) becomes the exit status of whatever runs the
/// machine, where it has a way to say so. Any context.
[[noreturn]] void power_off(unsigned code);

}  // namespace hal
