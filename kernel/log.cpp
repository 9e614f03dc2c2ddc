#include <hal/console.h>
#include <hal/hart.h>
#include <hal/timer.h>
#include <kernel/log.h>

namespace kernel {
namespace {

constinit bool silent = false;

}  // namespace

void silence_log() {
  silent = true;
}

void log_line(std::string_view line) {
  if (silent) return;
  char mark[40];
  const std::uint64_t us = hal::now_ns() / 1000;
  const auto result = fmt::format_to_n(mark, sizeof mark, "[{:5}.{:06} h{}] ", us / 1'000'000,
                                       us % 1'000'000, hal::hart_index());
  hal::console_write({mark, result.size});
  hal::console_write(line);
  hal::console_write({"\n", 1});
}

}  // namespace kernel
