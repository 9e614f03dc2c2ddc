// Parses numbers in text. std::from_chars would need floating point in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kernel::formats {

constexpr std::optional<unsigned> digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'z') return static_cast<unsigned>(digit - 'a') + 10;
  if (digit >= 'A' && digit <= 'Z') return static_cast<unsigned>(digit - 'A') + 10;
  return std::nullopt;
}

/// The number that `digits` spells. Empty if the text is empty, too large, or no number in `base`.
constexpr std::optional<std::uint64_t> parse_number(std::string_view digits, unsigned base = 10) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    const auto value = digit_value(digit);
    if (!value || *value >= base) return std::nullopt;
    if (__builtin_mul_overflow(number, base, &number)) return std::nullopt;
    if (__builtin_add_overflow(number, *value, &number)) return std::nullopt;
  }
  return number;
}

}  // namespace kernel::formats
