// Formatted output: `user::println("{} of {}", i, n)`, checked at compile time by fmt. Each call
// makes one write if the file takes all bytes, so that lines of several threads do not mix. The
// runtime library contains the formatting code, so programs that print compile quickly.
#pragma once

#include <abi/errno.h>
#include <fmt/core.h>

#include <string>
#include <string_view>

namespace user {

/// Records that output for standard output was lost. print() calls it; call it if you write by
/// other means.
void note_output_error(abi::Errno error);
/// If output was lost since the last call, prints the error with the prefix `who` and returns 1;
/// otherwise returns `status`. The runtime calls it after main().
int finish_output(std::string_view who, int status);

// Formats, appends `ending`, and writes to `fd`.
void print_to(int fd, fmt::string_view format, fmt::format_args arguments, std::string_view ending);
std::string format_text(fmt::string_view format, fmt::format_args arguments);

template <class... T>
void print(fmt::format_string<T...> format, T&&... arguments) {
  print_to(1, format, fmt::make_format_args(arguments...), "");
}

template <class... T>
void println(fmt::format_string<T...> format, T&&... arguments) {
  print_to(1, format, fmt::make_format_args(arguments...), "\n");
}

// Prints a line to standard error.
template <class... T>
void complain(fmt::format_string<T...> format, T&&... arguments) {
  print_to(2, format, fmt::make_format_args(arguments...), "\n");
}

template <class... T>
std::string format(fmt::format_string<T...> format, T&&... arguments) {
  return format_text(format, fmt::make_format_args(arguments...));
}

}  // namespace user
