#include "text.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace shell {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Blocks of Unicode 15: not each assigned character, but what people type.
constexpr Range combining[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x64b, 0x65f},   {0x200b, 0x200f},
    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
};
constexpr Range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

bool is_in(const auto& ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [code](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

struct Character {
  std::size_t bytes;
  char32_t code;
};

Character decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return {1, first};
  const Character invalid{1, 0xdc00u + first};
  const std::size_t bytes = first < 0xc2   ? 0
                            : first < 0xe0 ? 2
                            : first < 0xf0 ? 3
                            : first < 0xf5 ? 4
                                           : 0;
  if (bytes == 0 || text.size() < bytes) return invalid;
  char32_t code = first & (0x7fu >> bytes);
  for (const char byte : text.substr(1, bytes - 1)) {
    if (!is_continuation(byte)) return invalid;
    code = code << 6 | (static_cast<unsigned char>(byte) & 0x3fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  if (code < least[bytes] || code > 0x10ffff || is_surrogate) return invalid;
  return {bytes, code};
}

}  // namespace

std::string decimal(std::int64_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
  return {digits, end};
}

std::size_t character_bytes(std::string_view text) {
  return decode(text).bytes;
}

std::size_t last_character_bytes(std::string_view text) {
  for (std::size_t bytes = 2; bytes <= std::min<std::size_t>(text.size(), 4); ++bytes) {
    if (character_bytes(text.substr(text.size() - bytes)) == bytes) return bytes;
  }
  return 1;
}

char32_t code_point(std::string_view text) {
  return decode(text).code;
}

int columns_of(char32_t code) {
  if (code < 0x300) return 1;
  if (is_in(combining, code)) return 0;
  return is_in(wide, code) ? 2 : 1;
}

}  // namespace shell
