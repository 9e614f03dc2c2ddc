// The one place where text is formatted: fmt's code is compiled here, other sources see
// declarations. Formats are checked at compile time, so what fmt would throw at run time does not
// happen.
#define FMT_HEADER_ONLY

#include "user/print.h"

#include <fmt/format.h>

#include "user/calls.h"

namespace user {

void print_to(int fd, fmt::string_view format, fmt::format_args arguments,
              std::string_view ending) {
  fmt::memory_buffer text;
  fmt::vformat_to(fmt::appender{text}, format, arguments);
  text.append(ending);
  // Nobody to tell: a program whose output is gone dies of SIGPIPE, or goes on unheard.
  static_cast<void>(write_all(fd, {text.data(), text.size()}));
}

std::string format_text(fmt::string_view format, fmt::format_args arguments) {
  fmt::memory_buffer text;
  fmt::vformat_to(fmt::appender{text}, format, arguments);
  return {text.data(), text.size()};
}

}  // namespace user
