#include <async/async.h>
#include <fmt/format.h>
#include <hal/console.h>
#include <hal/power.h>
#include <kernel/panic.h>
#include <trap/kernel_trap.h>

#include "boot/run_marks.h"

namespace kernel {
namespace {

constexpr unsigned exit_code_of_panic = 101;

/// Straight to the console, silenced log or not.
template <class... Arguments>
void say(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  char line[192];
  const auto result =
      fmt::format_to_n(line, sizeof line, format, std::forward<Arguments>(arguments)...);
  hal::console_write({line, std::min(result.size, sizeof line)});
}

/// Only the first panic is reported: one that happens while reporting ends the machine at once.
void begin() {
  static bool panicking = false;
  if (panicking) hal::power_off(exit_code_of_panic);
  panicking = true;
  mark_panic();
}

void write(void*, std::string_view text) {
  hal::console_write(text);
}

const async::Job* running_job() {
  return async::platform::local().job;
}

void say_job() {
  const async::Job* job = running_job();
  say("  in coroutine: {}\n", job == nullptr ? "none" : job->name());
}

/// The chain of the running coroutine comes last: it is the one that may not be whole any more.
[[noreturn]] void end() {
  say("who waits for whom:\n");
  async::print_graph(write, nullptr);
  if (const async::Job* job = running_job()) {
    say("'{}' when it was last resumed:\n", job->name());
    async::print_chain(*job, write, nullptr);
  }
  hal::power_off(exit_code_of_panic);
}

}  // namespace

void panic(std::string_view what) {
  begin();
  // The byte before the return address belongs to the call.
  say("\nkernel panic: {}\n  called from: {}\n", what,
      static_cast<void*>(static_cast<char*>(__builtin_return_address(0)) - 1));
  say_job();
  end();
}

}  // namespace kernel

void trap::report_kernel_trap(const Trap& trap, const UserContext& registers, bool stack_overflow) {
  using namespace kernel;
  begin();
  say("\nkernel panic: {} in the kernel\n", stack_overflow ? "stack overflow" : name(trap.kind));
  say("  cause {:#x}, address {:#x}, pc {:#x}, ra {:#x}, sp {:#x}\n", trap.cause, trap.address,
      registers.pc, registers.x[UserContext::ra], registers.x[UserContext::sp]);
  say_job();
  end();
}
