// Compiles fmt's code, once for all programs; other sources see only declarations. Formats are
// checked at compile time, so fmt never throws at run time.
#define FMT_HEADER_ONLY

#include "user/print.h"

#include <fmt/format.h>

#include <atomic>

#include "user/calls.h"

namespace user {
namespace {

constinit std::atomic<abi::Errno> output_error = abi::Errno{};  // the last error; 0: none

}  // namespace

void print_to(int fd, fmt::string_view format, fmt::format_args arguments,
              std::string_view ending) {
  fmt::memory_buffer text;
  fmt::vformat_to(fmt::appender{text}, format, arguments);
  text.append(ending);
  const auto written = write_all(fd, {text.data(), text.size()});
  if (!written && fd == standard_output) note_output_error(written.error());
}

void note_output_error(abi::Errno error) {
  output_error = error;
}

int finish_output(std::string_view who, int status) {
  const abi::Errno error = output_error.exchange(abi::Errno{});
  if (error == abi::Errno{}) return status;
  complain("{}: standard output: {}", who, abi::description(error));
  return 1;
}

std::string format_text(fmt::string_view format, fmt::format_args arguments) {
  fmt::memory_buffer text;
  fmt::vformat_to(fmt::appender{text}, format, arguments);
  return {text.data(), text.size()};
}

}  // namespace user
