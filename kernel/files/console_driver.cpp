#include "files/console_driver.h"

#include <async/async.h>

namespace kernel {
namespace {

/// Waits until the terminal has room: for keys at most reader_timeout, for framed input without a
/// limit. Returns false after a time-out.
async::Task<bool> await_room(Terminal& terminal) {
  if (terminal.is_framed()) {
    co_return co_await terminal.room().wait("room for input") == async::WaitResult::woken;
  }
  const async::Instant end = async::now() + reader_timeout;
  co_return co_await terminal.room().wait_until(end, "room for keys") == async::WaitResult::woken;
}

}  // namespace

async::Task<> bring_keys(InputSource& source, Terminal& terminal) {
  bool may_wait = true;  // false after a time-out, until the terminal has room again
  do {
    while (const auto byte = source.take()) {
      while (may_wait && !terminal.has_room()) may_wait = co_await await_room(terminal);
      if (terminal.has_room()) {
        may_wait = true;
        terminal.receive(*byte);
      } else {
        terminal.receive_without_room(*byte);
      }
    }
    source.resume_input();
  } while (co_await source.has_input().wait("console input") == async::WaitResult::woken);
}

async::Task<> let_programs_write(Console& console, std::span<Terminal* const> terminals) {
  while (co_await console.has_room().wait("console output") == async::WaitResult::woken) {
    for (Terminal* const terminal : terminals) terminal->wake_writers();
  }
}

}  // namespace kernel
