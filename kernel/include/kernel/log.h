// Kernel messages on the console. Each line begins with the time and the hart: `[    0.001234 h0]`.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace kernel {

/// Suppresses all later messages (`quiet` on the kernel command line), except panics.
void silence_log();
/// From now on each line ends in a carriage return and a newline, as a terminal needs it.
void end_log_lines_with_return();

/// Writes the beginning of a message, at most longest_line_mark bytes, to `out`. Returns its end.
char* write_line_mark(char* out);
inline constexpr std::size_t longest_line_mark = 40;

/// Writes one line. `line` has no newline, and is cut after `longest_line` bytes. Any context; does
/// not allocate.
void log_line(std::string_view line);

inline constexpr std::size_t longest_line = 256;

/// Formats a message into a fixed buffer and cuts the rest. Any context, even without free memory.
template <class... Arguments>
void log(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  char line[longest_line];
  const auto result =
      fmt::format_to_n(line, sizeof line, format, std::forward<Arguments>(arguments)...);
  log_line({line, std::min(result.size, sizeof line)});
}

}  // namespace kernel
