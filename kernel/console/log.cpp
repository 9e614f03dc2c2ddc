#include <hal/hart.h>
#include <hal/timer.h>
#include <kernel/log.h>

#include <algorithm>

#include "console/console.h"

namespace kernel {
namespace {

constinit bool silent = false;
constinit bool returns = false;

}  // namespace

void silence_log() {
  silent = true;
}

void end_log_lines_with_return() {
  returns = true;
}

char* write_line_mark(char* out) {
  const std::uint64_t us = hal::now_ns() / 1000;
  return fmt::format_to(out, "[{:5}.{:06} h{}] ", us / 1'000'000, us % 1'000'000,
                        hal::hart_index());
}

void log_line(std::string_view line) {
  if (silent) return;
  char text[longest_line_mark + longest_line + 2];  // one write: other harts' lines cannot mix in
  char* end = write_line_mark(text);
  end = std::copy_n(line.data(), std::min(line.size(), longest_line), end);
  if (returns) *end++ = '\r';
  *end++ = '\n';
  console.write_now({text, end});
}

}  // namespace kernel
