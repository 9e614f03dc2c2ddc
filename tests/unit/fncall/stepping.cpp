// An interrupt at every instruction of the round trip. The processor single-steps (rflags.TF), and
// at step n the handler behaves as if a timer signal had arrived there.

#include <trap/signal.h>

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"

using trap::cotrap_hart;
using trap::Taken;
using trap::Trap;
using trap::UserContext;

namespace {

constexpr std::uint64_t single_step = 0x100;

struct Plan {
  unsigned steps = 0;         ///< so far
  unsigned interrupt_at = 0;  ///< the step at which the interrupt arrives
  Taken taken{};              ///< the effect of the interrupt
};
Plan plan;

void on_step(trap::Signal& step) {
  if (++plan.steps != plan.interrupt_at) {
    // The handler does not call take(), so that a step of the program does not end run_user.
    return;
  }
  siginfo_t alarm{};
  alarm.si_signo = SIGALRM;
  alarm.si_code = SI_TIMER;
  trap::Signal interrupt{SIGALRM, alarm, step.state, step.fs_base};
  plan.taken = take(interrupt);
  if (plan.taken == Taken::kernels) cotrap_hart.pending = 1;
}

/// Calls run_user in single-step mode: each instruction causes a SIGTRAP. Not inlined, because it
/// changes flags without the compiler's knowledge.
[[gnu::noinline]] Trap run_stepped(UserContext& context) {
  context.general.rflags |= single_step;
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "pushfq\n\torq %0, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::"i"(single_step)
      : "memory", "cc");
  const Trap trap = run_user(context);
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "pushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::"i"(~std::int32_t{single_step})
      : "memory", "cc");
  context.general.rflags &= ~single_step;
  return trap;
}

/// Another program with other bases; it traps at once.
class Neighbour {
 public:
  Neighbour() { context_.general.fsbase = context_.general.gsbase = address(); }
  /// Runs it; returns true if it found its own bases.
  bool runs() {
    context_.set_program_counter(address_of(jumper_traps));
    return run_user(context_).kind == Trap::syscall && context_.general.fsbase == address() &&
           context_.general.gsbase == address();
  }

 private:
  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(&storage_); }
  UserContext context_;
  std::array<std::uint64_t, 8> storage_{};
};

}  // namespace

TEST_CASE(
    "an interrupt at any instruction of entry, program or exit is taken once and preserves all "
    "registers") {
  const CatchingHart hart{GENERATE(from_range(all_modes()))};
  trap::handle_signal(SIGTRAP, on_step);
  const auto gate = GENERATE(RandomProgram::called, RandomProgram::jumped);
  const std::uint32_t kept = GENERATE(UserContext::sse, UserContext::all);
  RandomProgram program{7, gate, kept};
  Neighbour neighbour;
  std::string what;
  REQUIRE(run_user(program.context).kind == Trap::syscall);

  std::array<unsigned, 3> outcomes{};
  for (unsigned n = 1;; ++n) {
    INFO("mode " << int(trap::segments()) << ", gate " << gate << ", kept " << kept
                 << ", instruction " << n);
    plan = {.interrupt_at = n};
    REQUIRE(neighbour.runs());
    RandomProgram::forget_seen();
    spoil_vectors();
    Trap trap = run_stepped(program.context);
    if (plan.steps < n) break;  // the round trip ended before step n
    ++outcomes[static_cast<std::size_t>(plan.taken)];
    if (trap.kind == Trap::interrupt) {
      // The interrupt arrived in the program, or in the code that enters the program. Or it arrived
      // in the kernel before that code, which then found the interrupt pending.
      REQUIRE((cotrap_hart.pending != 0) == (plan.taken == Taken::kernels));
      cotrap_hart.pending = 0;
      spoil_vectors();
      REQUIRE(neighbour.runs());
      trap = run_user(program.context);
    } else {
      REQUIRE(plan.taken != Taken::ends_run_user);
      REQUIRE(cotrap_hart.pending == 1);
      cotrap_hart.pending = 0;
    }
    REQUIRE(trap.kind == Trap::syscall);
    if (!program.context_is_right(what)) FAIL(what);
    if (!program.seen_is_right(what)) FAIL(what);
    REQUIRE(program.red_zone_is_right());
  }
  // The test is not empty: of the steps of one round trip, more than this many had each effect.
  CHECK(outcomes[static_cast<std::size_t>(Taken::ends_run_user)] > 60);
  CHECK(outcomes[static_cast<std::size_t>(Taken::continues)] > 40);
  CHECK(outcomes[static_cast<std::size_t>(Taken::kernels)] > 5);
}

TEST_CASE("a program is single-stepped, and instructions of the trap code are no steps") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  trap::handle_signal(SIGTRAP, take_signal);
  RandomProgram program{8, RandomProgram::called, UserContext::all};
  std::string what;
  REQUIRE(run_user(program.context).kind == Trap::syscall);
  program.context.general.rflags |= single_step;
  unsigned steps = 0;
  RandomProgram::forget_seen();
  for (;;) {
    const Trap trap = run_user(program.context);
    if (trap.kind == Trap::syscall) break;
    REQUIRE(trap.kind == Trap::breakpoint);
    REQUIRE((program.context.general.rflags & single_step) != 0);
    ++steps;
  }
  // The program executes 29 instructions and the call; the gate's first instruction counts as the
  // program's.
  CHECK(steps > 25);
  CHECK(steps < 40);
  CHECK((program.context.general.rflags & single_step) != 0);
  // A program that single-steps itself finds the flag set; all else is the same.
  seen.rflags &= ~single_step;
  if (!program.context_is_right(what)) FAIL(what);
  if (!program.seen_is_right(what)) FAIL(what);
}
