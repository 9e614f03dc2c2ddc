// The kernel command line: words `key=value` or `key`, split at spaces; `%20` and the like stand
// for the byte with that hexadecimal number, so that values can hold spaces.
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

  /// Whether `key` is there, with a value or without.
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// The value of the last `key`; "" when it has none; nothing when it is not there.
  std::optional<std::string_view> value(std::string_view key) const;
  /// The values of every `key`, in order.
  std::vector<std::string_view> values(std::string_view key) const;
  /// The value as a decimal number; nothing when it is not one.
  std::optional<std::uint64_t> number(std::string_view key) const;

 private:
  struct Option {
    std::string key;
    std::string value;
  };
  const Option* find(std::string_view key) const;

  std::vector<Option> options_;
};

/// `text` with every `%XX` replaced by its byte; a `%` that no two digits follow stays.
std::string percent_decoded(std::string_view text);

}  // namespace kernel::formats
