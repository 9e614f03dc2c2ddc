// Benchmarks that the kernel runs inside itself (abi/self_test.h). No samples on other kernels.
#include <abi/self_test.h>
#include <user/calls.h>
#include <user/clock.h>

#include <array>

#include "benchmark.h"

namespace bench {
namespace {

using abi::SelfTest;

std::optional<std::array<std::uint64_t, 2>> self_test(SelfTest which, std::uint64_t argument) {
  std::array<std::uint64_t, 2> words{};
  const auto done = user::call(abi::self_test, which, argument, words.data(), words.size());
  if (!done) return {};
  return words;
}

// A benchmark of a self-test that returns a CostReport, with the same number of operations each
// time.
template <SelfTest which, std::uint64_t argument, int counted = 15, int timed = 300>
Outcome cost() {
  const std::uint64_t given = argument | (is_counted() ? 0 : abi::by_the_clock);
  const auto first = self_test(which, given);
  if (!first) return {};
  const auto operations = static_cast<unsigned>((*first)[1]);
  return collect(is_counted() ? counted : timed, operations,
                 [&] { return self_test(which, given).value_or({})[0]; });
}

// A benchmark of a self-test whose first result is one measurement, in the self-test's own unit.
template <SelfTest which, Unit unit>
Outcome each() {
  if (unit == Unit::cost && !is_counted()) return {};
  if (!self_test(which, 1)) return {};
  return collect(is_counted() ? 101 : 1'000, 1, [] { return self_test(which, 1).value_or({})[0]; });
}

// An interrupt in this program that wakes a coroutine of lower priority, from the trap to the
// program's next instruction. The interrupt comes from the bell, a device whose interrupt the
// kernel raises by a store to a register (hal/bell.h).
//
// Two equal system calls ring the bell. After the first one the interrupt comes in this program.
// Its handler is less urgent than the program, so it has not run at the second call, which raises
// no interrupt then. The difference of both is the interrupt. Then the program sleeps, and the
// handler runs.
//
// With `bare`, the claim of the interrupt and the wake of the handler are subtracted, too. The
// self-test take_ring counts these: it takes the same interrupt in a system call.
template <bool bare>
Outcome interrupt_in_program() {
  if (!is_counted() || !self_test(SelfTest::set_bell, 0)) return {};
  const auto ring = [] {
    constexpr bool handler_stays = true;
    const auto begin = reading();
    user::syscall(abi::self_test, SelfTest::ring_bell, handler_stays, nullptr, 0);
    return reading() - begin;
  };
  const auto let_handler_run = [] {
    static_cast<void>(user::sleep_for(std::chrono::milliseconds{1}));
  };
  const auto samples = collect(101, 1, [&] {
    const auto with_interrupt = ring();
    const auto without = ring();
    let_handler_run();
    if (!bare) return with_interrupt - without;
    const auto handlers = self_test(SelfTest::take_ring, 0).value_or({})[0];
    let_handler_run();
    return with_interrupt - without - handlers;
  });
  static_cast<void>(self_test(SelfTest::ring_bell, 0));
  return samples;
}

Outcome waiting() {
  const auto report = self_test(SelfTest::wait, 1'000);
  if (!report) return {};
  return Samples::of({(*report)[0]}, static_cast<unsigned>((*report)[1]));
}

constexpr Benchmark table[] = {
    {"switch.coroutine", Unit::cost, cost<SelfTest::yield, 2>},
    {"switch.coroutine@1000", Unit::cost, cost<SelfTest::yield, 1'000>},
    {"switch.coroutine@100000", Unit::cost, cost<SelfTest::yield, 100'000, 3, 5>},
    {"switch.thread", Unit::cost, cost<SelfTest::switch_stack, 500>},
    {"ipc.channel", Unit::cost, cost<SelfTest::channel, 500>},
    {"spawn.coroutine", Unit::cost, cost<SelfTest::spawn, 500>},
    {"irq.user", Unit::cost, interrupt_in_program<false>},
    {"irq.user.bare", Unit::cost, interrupt_in_program<true>},
    {"irq.wake", Unit::cost, each<SelfTest::bell_wakes, Unit::cost>},
    {"irq.preempt", Unit::cost, each<SelfTest::bell_preempts, Unit::cost>},
    {"wake.remote", Unit::delay, each<SelfTest::wake_remote, Unit::delay>},
    {"memory.coroutine", Unit::bytes, waiting},
};

}  // namespace

std::span<const Benchmark> in_kernel() {
  return table;
}

}  // namespace bench
