// Reads a hart's ISA string, such as "rv64imafdcv_zicboz_sstc" (RISC-V unprivileged specification,
// chapter "ISA Extension Naming Conventions"). Device trees have it in the property "riscv,isa".
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace hal::riscv64 {

namespace detail {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr std::size_t digits_at(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - from;
}
/// The length of a version such as "2p1" at the beginning of `text`; 0 if there is none.
constexpr std::size_t version_length(std::string_view text) {
  const std::size_t major = digits_at(text, 0);
  if (major == 0 || major == text.size() || lower(text[major]) != 'p') return major;
  const std::size_t minor = digits_at(text, major + 1);
  return minor == 0 ? major : major + 1 + minor;
}

/// Whether `text` is the name of the extension, which has a version behind it or none. The name may
/// itself have digits: "zic64b".
constexpr bool names(std::string_view text, std::string_view extension) {
  if (text.size() < extension.size()) return false;
  for (std::size_t i = 0; i < extension.size(); ++i) {
    if (lower(text[i]) != extension[i]) return false;
  }
  const std::string_view version = text.substr(extension.size());
  return version_length(version) == version.size();
}

}  // namespace detail

/// Whether an ISA string has the extension, which is in lower case: a letter, or a name of several
/// letters that begins with s, x or z. False if `isa` is not an ISA string.
constexpr bool isa_has(std::string_view isa, std::string_view extension) {
  using namespace detail;
  if (isa.size() < 4 || lower(isa[0]) != 'r' || lower(isa[1]) != 'v') return false;
  isa.remove_prefix(2 + digits_at(isa, 2));
  while (!isa.empty()) {
    const char first = lower(isa.front());
    std::size_t length = 1;
    if (first == 's' || first == 'x' || first == 'z') {
      length = std::min(isa.find('_'), isa.size());
      if (names(isa.substr(0, length), extension)) return true;
    } else {
      if (extension.size() == 1 && first == extension.front()) return true;
      length += version_length(isa.substr(1));
    }
    isa.remove_prefix(length);
  }
  return false;
}

}  // namespace hal::riscv64
