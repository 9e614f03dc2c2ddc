#include "wall_clock.h"

#include <chrono>

#include "ports.h"

namespace hal::pc {
namespace {

enum class Register : std::uint8_t {
  second = 0x00,
  minute = 0x02,
  hour = 0x04,
  day = 0x07,
  month = 0x08,
  year = 0x09,
  a = 0x0a,
  b = 0x0b,
};

std::uint8_t read(Register which) {
  constexpr std::uint16_t select = 0x70, data = 0x71;
  write_port(select, static_cast<std::uint8_t>(which));
  return read_port(data);
}

ClockRegisters read_registers() {
  return {.second = read(Register::second),
          .minute = read(Register::minute),
          .hour = read(Register::hour),
          .day = read(Register::day),
          .month = read(Register::month),
          .year = read(Register::year),
          .format = read(Register::b)};
}

bool is_changing() {
  constexpr std::uint8_t update_in_progress = 1 << 7;
  return (read(Register::a) & update_in_progress) != 0;
}

}  // namespace

std::optional<std::int64_t> unix_time(const ClockRegisters& registers) {
  constexpr std::uint8_t is_binary = 1 << 2, has_24_hours = 1 << 1, afternoon = 1 << 7;
  const auto number = [binary = (registers.format & is_binary) != 0](unsigned digits) {
    return binary ? digits : (digits >> 4) * 10 + (digits & 0xf);
  };
  unsigned hour = number(registers.hour & ~afternoon);
  if ((registers.format & has_24_hours) == 0) {
    if (hour == 0 || hour > 12) return std::nullopt;
    hour = hour % 12 + ((registers.hour & afternoon) != 0 ? 12 : 0);
  } else if ((registers.hour & afternoon) != 0) {
    return std::nullopt;
  }
  const unsigned minute = number(registers.minute), second = number(registers.second);
  const std::chrono::year_month_day date{
      std::chrono::year{static_cast<int>(2000 + number(registers.year))},
      std::chrono::month{number(registers.month)}, std::chrono::day{number(registers.day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::seconds time = std::chrono::sys_days{date}.time_since_epoch() +
                                    std::chrono::hours{hour} + std::chrono::minutes{minute} +
                                    std::chrono::seconds{second};
  return time.count();
}

std::int64_t read_wall_clock() {
  // Between two equal readings outside an update the clock did not change.
  constexpr unsigned most_tries = 10'000;
  for (unsigned tries = 0; tries < most_tries; ++tries) {
    if (is_changing()) continue;
    const ClockRegisters first = read_registers();
    if (!is_changing() && read_registers() == first) return unix_time(first).value_or(0);
  }
  return 0;
}

}  // namespace hal::pc
