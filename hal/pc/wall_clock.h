// The real-time clock of a PC (Motorola MC146818), which every PC has.
#pragma once

#include <cstdint>
#include <optional>

namespace hal::pc {

/// The registers that have the time, as the clock gives them.
struct ClockRegisters {
  std::uint8_t second, minute, hour, day, month, year;
  std::uint8_t
      format;  ///< register B: which numbers are binary, and whether hours are from 0 to 23

  bool operator==(const ClockRegisters&) const = default;
};

/// The seconds since 1970 began. The clock has no century: the year is one from 2000 to 2099.
/// Nothing if the registers are no time.
std::optional<std::int64_t> unix_time(const ClockRegisters& registers);

/// The time now, in UTC, in seconds since 1970 began; 0 if the clock gives none. Takes up to a few
/// milliseconds. Call it on one hart at a time.
std::int64_t read_wall_clock();

}  // namespace hal::pc
