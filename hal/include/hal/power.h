// Switching the machine off.
#pragma once

namespace hal {

/// Switches the machine off. `code` (0 … 255) becomes the exit status of QEMU or of the host
/// process, if the machine can report one. Any context.
[[noreturn]] void power_off(unsigned code);

}  // namespace hal
