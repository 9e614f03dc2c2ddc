// The machine's keyboard, on a PC only. It sends scan codes of set 1, as the first PCs' keyboards
// do.
#pragma once

#include <hal/interrupts.h>

#include <cstdint>
#include <optional>

namespace hal {

/// The keyboard's interrupt line; Irq::none if the machine has no keyboard. The interrupt stays
/// raised until the driver has taken all bytes.
Irq keyboard_interrupt();

/// Takes one byte of a scan code; nothing if none has arrived. Calls must not overlap.
std::optional<std::uint8_t> keyboard_read();

}  // namespace hal
