// What the kernel does to itself when it is asked to (abi/exercise.h). Nothing on other kernels.
#include <abi/exercise.h>
#include <user/calls.h>

#include <array>

#include "benchmark.h"

namespace bench {
namespace {

using abi::Exercise;

std::optional<std::array<std::uint64_t, 2>> exercise(Exercise which, std::uint64_t argument) {
  std::array<std::uint64_t, 2> words{};
  const auto done = user::call(abi::exercise, which, argument, words.data(), words.size());
  if (!done) return {};
  return words;
}

// Of a CostReport: the same number of operations each time.
template <Exercise which, std::uint64_t argument, int counted = 15, int timed = 300>
Outcome cost() {
  const std::uint64_t given = argument | (is_counted() ? 0 : abi::by_the_clock);
  const auto first = exercise(which, given);
  if (!first) return {};
  const auto operations = static_cast<unsigned>((*first)[1]);
  return collect(is_counted() ? counted : timed, operations,
                 [&] { return exercise(which, given).value_or({})[0]; });
}

// Of a report whose first word says it, one at a time, in the unit that the exercise has.
template <Exercise which, Unit unit>
Outcome each() {
  if (unit == Unit::cost && !is_counted()) return {};
  if (!exercise(which, 1)) return {};
  return collect(is_counted() ? 101 : 1'000, 1, [] { return exercise(which, 1).value_or({})[0]; });
}

Outcome waiting() {
  const auto report = exercise(Exercise::wait, 1'000);
  if (!report) return {};
  return Samples::of({(*report)[0]}, static_cast<unsigned>((*report)[1]));
}

constexpr Benchmark table[] = {
    {"switch.coroutine", Unit::cost, cost<Exercise::yield, 2>},
    {"switch.coroutine@1000", Unit::cost, cost<Exercise::yield, 1'000>},
    {"switch.coroutine@100000", Unit::cost, cost<Exercise::yield, 100'000, 3, 5>},
    {"switch.thread", Unit::cost, cost<Exercise::switch_stack, 500>},
    {"ipc.channel", Unit::cost, cost<Exercise::channel, 500>},
    {"spawn.coroutine", Unit::cost, cost<Exercise::spawn, 500>},
    {"irq.wake", Unit::cost, each<Exercise::bell_wakes, Unit::cost>},
    {"irq.preempt", Unit::cost, each<Exercise::bell_preempts, Unit::cost>},
    {"wake.remote", Unit::delay, each<Exercise::wake_remote, Unit::delay>},
    {"memory.coroutine", Unit::bytes, waiting},
};

}  // namespace

std::span<const Benchmark> in_kernel() {
  return table;
}

}  // namespace bench
