// Kernel messages: lines marked with time and hart, `[    0.001234 h0] text`, on the console.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace kernel {

/// No message is printed from now on (`quiet` on the kernel command line). Panics still are.
void silence_log();

/// What a line of the kernel's begins with, written to `out`; returns its end.
char* write_line_mark(char* out);
inline constexpr std::size_t longest_line_mark = 40;

/// One line, without its newline; what is longer than `longest_line` is cut. Any context; does not
/// allocate.
void log_line(std::string_view line);

inline constexpr std::size_t longest_line = 256;

/// Formats into a fixed buffer, so that messages can be made anywhere, even out of memory; what
/// does not fit is cut.
template <class... Arguments>
void log(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  char line[longest_line];
  const auto result =
      fmt::format_to_n(line, sizeof line, format, std::forward<Arguments>(arguments)...);
  log_line({line, std::min(result.size, sizeof line)});
}

}  // namespace kernel
