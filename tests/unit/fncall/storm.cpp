// Timer signals microseconds apart, at any instruction of the hart.

#include <sys/time.h>
#include <trap/signal.h>

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"

using trap::cotrap_hart;
using trap::Taken;
using trap::Trap;
using trap::UserContext;

namespace {

[[clang::disable_sanitizer_instrumentation]] void on_alarm(trap::Signal& signal) {
  spoil_vectors();  // as compiled code may
  if (take(signal) == Taken::kernels) cotrap_hart.pending = 1;
}

/// Requests one SIGALRM some microseconds from now. The timer is not periodic, because a slow host
/// would then only handle signals.
void set_alarm(unsigned microseconds) {
  const itimerval timer{{0, 0}, {0, static_cast<suseconds_t>(microseconds)}};
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

TEST_CASE("a storm of signals changes no register of a program, and each signal is taken") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  const auto gate = GENERATE(RandomProgram::called, RandomProgram::jumped, RandomProgram::caught);
  if (gate == RandomProgram::caught && !hart.catching) SKIP("Linux cannot");
  const std::uint32_t kept = GENERATE(UserContext::none, UserContext::sse, UserContext::all);
  INFO("mode " << int(trap::segments()) << ", gate " << gate << ", kept " << kept);
  trap::handle_signal(SIGALRM, on_alarm);
  RandomProgram program{9, gate, kept};
  REQUIRE(run_user(program.context).kind == Trap::syscall);

  constexpr unsigned interrupts_wanted = 500;
  unsigned interrupts = 0;
  unsigned wrong_kinds = 0;
  std::string what;
  std::mt19937_64 random{10};
  set_alarm(1);
  while (interrupts < interrupts_wanted) {
    RandomProgram::forget_seen();
    Trap trap = run_user(program.context);
    while (trap.kind == Trap::interrupt) {
      ++interrupts;
      cotrap_hart.pending = 0;
      if (interrupts < interrupts_wanted) set_alarm(1 + random() % 20);
      trap = run_user(program.context);
    }
    if (trap.kind != Trap::syscall) ++wrong_kinds;
    if (!program.context_is_right(what) || !program.seen_is_right(what)) break;
  }
  set_alarm(0);
  CHECK(what == "");
  CHECK(wrong_kinds == 0);
  CHECK(program.red_zone_is_right());
}
