// Groups of harts, as the firmware's calls take them.
#pragma once

#include <hal/hart.h>

#include <algorithm>

#include "devices.h"
#include "firmware.h"

namespace hal::riscv64 {

/// Splits `harts` into groups for the firmware: up to 64 harts with adjacent numbers. Calls
/// ask(HartIds) for each.
template <class Ask>
void for_each_group(HartMask harts, Ask&& ask) {
  while (harts != 0) {
    firmware::HartIds group = {.first = ~std::uint64_t{0}, .bits = 0};
    for_each_hart(harts, [&](unsigned hart) {
      group.first = std::min(group.first, devices.firmware_hart_id[hart]);
    });
    for_each_hart(harts, [&](unsigned hart) {
      const std::uint64_t bit = devices.firmware_hart_id[hart] - group.first;
      if (bit >= 64) return;
      group.bits |= std::uint64_t{1} << bit;
      harts &= ~mask_of(hart);
    });
    ask(group);
  }
}

}  // namespace hal::riscv64
