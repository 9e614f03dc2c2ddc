// What the small programs share: numbers among their arguments, and how they say that one is wrong.
#pragma once

#include <user/print.h>
#include <user/process.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace programs {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Exit status 2: the program was not understood, and did nothing.
template <class... T>
[[noreturn]] void wrong_usage(fmt::format_string<T...> format, T&&... arguments) {
  user::complain(format, std::forward<T>(arguments)...);
  user::exit(2);
}

}  // namespace programs
