// How a program that proves something says that it does not hold: one line on standard error,
// exit 1.
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

// The value, or the end of the program. `what` was wanted.
template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) fail("{}: {}", what, abi::description(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace user
