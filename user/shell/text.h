// Characters of text, which is UTF-8.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace shell {

// Characters of ASCII.

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Letters, digits and _.
constexpr bool is_name_character(char c) {
  return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

std::string decimal(std::int64_t number);

// The bytes of the first character. A byte that begins no valid sequence is a character of its own.
std::size_t character_bytes(std::string_view text);
// The same for the last character.
std::size_t last_character_bytes(std::string_view text);
// The first character's code point. A byte that is no part of a valid sequence has the code points
// from U+DC00 on, which no valid sequence has.
char32_t code_point(std::string_view text);
// The columns of a terminal that a character takes: 0 (it combines with the one before), 1 or 2.
int columns_of(char32_t code);

}  // namespace shell
