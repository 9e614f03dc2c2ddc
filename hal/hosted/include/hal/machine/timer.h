// Hosted: the host's monotonic clock.
#pragma once

#include <cstdint>

namespace hal {

/// The clock's counter, which advances by one every clock_period_ns().
inline std::uint64_t clock_ticks() {
  return now_ns();
}
inline std::uint64_t clock_period_ns() {
  return 1;
}
inline std::uint64_t ticks_in_ns(std::uint64_t ticks) {
  return ticks;
}

/// This machine has no counter that advances between two ticks of the clock.
inline std::uint32_t fine_ticks() {
  return 0;
}

}  // namespace hal
