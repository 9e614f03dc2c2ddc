#include <async/async.h>
#include <fmt/format.h>
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/power.h>
#include <hal/timer.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <trap/kernel_trap.h>

#include <algorithm>
#include <atomic>

#include "console/console.h"
#include "console/run_marks.h"

namespace kernel {
namespace {

constexpr unsigned exit_code_of_panic = 101;

constexpr unsigned no_hart = hal::max_harts;
constinit std::atomic<unsigned> reporter = no_hart;  // the hart that reports the panic
constinit std::atomic<hal::HartMask> stopped = 0;

[[noreturn]] void stop() {
  stopped.fetch_or(hal::mask_of(hal::hart_index()));
  hal::stop_hart();
}

/// Stops the other harts, so that the reported state does not change. Waits 10 ms at most. A hart
/// that does not react in time stops when it takes the IPI later, and waits for ever if it writes
/// to the console before.
void stop_others() {
  constexpr std::uint64_t stop_timeout_ns = 10'000'000;
  const hal::HartMask others = hal::running_harts() & ~hal::mask_of(hal::hart_index());
  if (others == 0) return;
  hal::send_ipis(others);
  const std::uint64_t end = hal::now_ns() + stop_timeout_ns;
  while (stopped.load() != others && hal::now_ns() < end) {
  }
}

/// Only the first panic is reported. A second one on the same hart, during the report, ends the
/// machine at once.
void begin() {
  unsigned first = no_hart;
  if (!reporter.compare_exchange_strong(first, hal::hart_index())) {
    if (first == hal::hart_index()) hal::power_off(exit_code_of_panic);
    stop();
  }
  stop_others();
  hal::console_take_over();
  mark_panic();
  console.write_now({"\n", 1});  // the last line may be incomplete
}

/// Writes directly to the console, even if the log is silenced. Accepts whole lines and parts of
/// lines.
void write(void*, std::string_view text) {
  static bool line_begins = true;
  while (!text.empty()) {
    char mark[longest_line_mark];
    if (line_begins) console.write_now({mark, write_line_mark(mark)});
    const std::size_t newline = text.find('\n');
    line_begins = newline != text.npos;
    const std::string_view part = line_begins ? text.substr(0, newline + 1) : text;
    console.write_now(part);
    text.remove_prefix(part.size());
  }
}

template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  char line[192];
  const auto result =
      fmt::format_to_n(line, sizeof line, format, std::forward<Arguments>(arguments)...);
  write(nullptr, {line, std::min(result.size, sizeof line)});
}

const async::Job* running_job() {
  return async::platform::local().job;
}

void say_job() {
  const async::Job* job = running_job();
  say("  in coroutine: {}\n", job == nullptr ? "none" : job->name());
}

/// Prints the chain of the running coroutine last, because it may be corrupt.
[[noreturn]] void end() {
  say("all jobs and their waits:\n");
  async::print_graph(write, nullptr);
  if (const async::Job* job = running_job()) {
    say("'{}' when it was last resumed:\n", job->name());
    async::print_chain(*job, write, nullptr);
  }
  hal::power_off(exit_code_of_panic);
}

}  // namespace

void stop_if_panicking() {
  const unsigned hart = reporter.load(std::memory_order_relaxed);
  if (hart != no_hart && hart != hal::hart_index()) stop();
}

void panic(std::string_view what) {
  begin();
  // The byte before the return address belongs to the call instruction.
  say("kernel panic: {}\n  called from: {}\n", what,
      static_cast<void*>(static_cast<char*>(__builtin_return_address(0)) - 1));
  say_job();
  end();
}

}  // namespace kernel

void trap::report_kernel_trap(const Trap& trap, const UserContext& registers, bool stack_overflow) {
  using namespace kernel;
  begin();
  const std::string_view what = stack_overflow                 ? "stack overflow"
                                : trap.kind == Trap::interrupt ? "stack pointer outside the stack"
                                                               : name(trap.kind);
  say("kernel panic: {} in the kernel\n", what);
  say("  cause {:#x}, address {:#x}, pc {:#x}, ra {:#x}, sp {:#x}\n", trap.cause, trap.address,
      registers.program_counter(), registers.return_address(), registers.stack());
  say_job();
  end();
}
