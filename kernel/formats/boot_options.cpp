#include "formats/boot_options.h"

#include <ranges>

#include "formats/numbers.h"

namespace kernel::formats {
namespace {

constexpr std::string_view spaces = " \t\r\n";

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  while (!text.empty()) {
    const auto byte = text.starts_with('%') && text.size() >= 3
                          ? parse_number(text.substr(1, 2), 16)
                          : std::nullopt;
    decoded += byte ? static_cast<char>(*byte) : text.front();
    text.remove_prefix(byte ? 3 : 1);
  }
  return decoded;
}

BootOptions::BootOptions(std::string_view command_line) {
  for (;;) {
    const std::size_t start = command_line.find_first_not_of(spaces);
    if (start == std::string_view::npos) return;
    command_line.remove_prefix(start);
    const std::string_view word = command_line.substr(0, command_line.find_first_of(spaces));
    command_line.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    options_.push_back({.key = percent_decoded(word.substr(0, equals)),
                        .value = equals == std::string_view::npos
                                     ? std::string{}
                                     : percent_decoded(word.substr(equals + 1))});
  }
}

const BootOptions::Option* BootOptions::find(std::string_view key) const {
  for (const Option& option : std::views::reverse(options_)) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

std::optional<std::string_view> BootOptions::value(std::string_view key) const {
  const Option* option = find(key);
  if (option == nullptr) return std::nullopt;
  return option->value;
}

std::vector<std::string_view> BootOptions::values(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const Option& option : options_) {
    if (option.key == key) values.push_back(option.value);
  }
  return values;
}

std::optional<std::uint64_t> BootOptions::number(std::string_view key) const {
  const auto text = value(key);
  return text ? parse_number(*text) : std::nullopt;
}

}  // namespace kernel::formats
