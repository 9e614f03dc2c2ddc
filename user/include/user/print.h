// Formatted output: `user::println("{} of {}", i, n)`, checked at compile time by fmt. Each call is
// one write, so lines of several threads do not mix. Formatting itself is in the runtime library:
// a program that prints compiles quickly.
#pragma once

#include <abi/errno.h>
#include <fmt/core.h>

#include <string>
#include <string_view>

namespace user {

/// Something for standard output was lost: print() says so here, and whoever writes by other means.
void note_output_error(abi::Errno error);
/// Says what was lost since this was last asked, in the name of `who`, and answers 1; the status
/// as it is if nothing was. When main() returns it is asked.
int finish_output(std::string_view who, int status);

// Formats, adds `ending`, writes to `fd`.
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

// To standard error.
template <class... T>
void complain(fmt::format_string<T...> format, T&&... arguments) {
  print_to(2, format, fmt::make_format_args(arguments...), "\n");
}

template <class... T>
std::string format(fmt::format_string<T...> format, T&&... arguments) {
  return format_text(format, fmt::make_format_args(arguments...));
}

}  // namespace user
