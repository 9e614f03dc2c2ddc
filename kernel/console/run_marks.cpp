#include "console/run_marks.h"

#include <fmt/format.h>

#include <algorithm>

#include "console/console.h"

namespace kernel {
namespace {

constexpr std::size_t longest_nonce = 64;
constinit char nonce[longest_nonce];
constinit std::size_t nonce_length = 0;

template <class... Arguments>
void mark(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (nonce_length == 0) return;
  constexpr char record_separator = '\x1e';
  char line[longest_nonce + 32];
  char* end = line;
  *end++ = record_separator;
  end = std::copy_n(nonce, nonce_length, end);
  end = fmt::format_to(end, format, std::forward<Arguments>(arguments)...);
  console.write_now({line, end});
}

}  // namespace

void set_run_mark(std::string_view word) {
  nonce_length = std::min(word.size(), longest_nonce);
  std::copy_n(word.data(), nonce_length, nonce);
}

void mark_start() {
  mark(" start\n");
}
void mark_exit(int code, int refusal) {
  mark(" exit {} {}\n", code, refusal);
}
void mark_panic() {
  mark(" panic\n");
}

}  // namespace kernel
