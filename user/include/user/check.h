// For demos and tests: if a check fails, the program prints one line on standard error and exits
// with 1.
//
//   auto pipe = must(make_pipe(), "a pipe");
//   check(sum == expected, "the counters add up to {}, not {}", sum, expected);
#pragma once

#include <type_traits>
#include <utility>

#include "user/calls.h"
#include "user/print.h"

namespace user {

template <class... T>
[[noreturn]] void fail(fmt::format_string<T...> format, T&&... arguments) {
  print_to(2, "FAILED: ", {}, "");
  print_to(2, format, fmt::make_format_args(arguments...), "\n");
  exit(1);
}

template <class... T>
void check(bool holds, fmt::format_string<T...> format, T&&... arguments) {
  if (!holds) fail(format, std::forward<T>(arguments)...);
}

// Returns the value, or fails; `what` names the wanted value in the message.
template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) fail("{}: {}", what, abi::description(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace user
