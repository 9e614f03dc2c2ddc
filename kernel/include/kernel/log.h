// Kernel messages: lines marked with time and hart, `[    0.001234 h0] text`, on the console.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace kernel {

/// No message is printed from now on (`quiet` on the kernel command line). Panics still are.
void silence_log();

/// One line, without its newline. Any context; does not allocate.
void log_line(std::string_view line);

/// Formats into a fixed buffer, so that messages can be made anywhere, even out of memory; what
/// does not fit is cut.
template <class... Arguments>
void log(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  char line[256];
  const auto result =
      fmt::format_to_n(line, sizeof line, format, std::forward<Arguments>(arguments)...);
  log_line({line, std::min(result.size, sizeof line)});
}

}  // namespace kernel
