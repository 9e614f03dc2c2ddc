// The kernel command line: words `key=value` or `key`, separated by spaces. A byte may be written
// as `%` and two hexadecimal digits, such as `%20`, so that values can contain spaces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::formats {

class BootOptions {
 public:
  explicit BootOptions(std::string_view command_line);

  /// Whether the command line has `key`, with or without a value.
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// The value of the last `key`. "" if it has no value; empty if there is no such key.
  std::optional<std::string_view> value(std::string_view key) const;
  /// The values of every `key`, in order.
  std::vector<std::string_view> values(std::string_view key) const;
  /// The value as a decimal number. Empty if it is not one.
  std::optional<std::uint64_t> number(std::string_view key) const;

 private:
  struct Option {
    std::string key;
    std::string value;
  };
  const Option* find(std::string_view key) const;

  std::vector<Option> options_;
};

/// Returns `text` with each `%XX` replaced by its byte. A `%` without two hexadecimal digits is
/// kept.
std::string percent_decoded(std::string_view text);

}  // namespace kernel::formats
