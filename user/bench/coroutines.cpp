// Coroutines of a program, under the program's executor. Only those of user.preempt make system
// calls, so the other costs are the same on every kernel.
#include <user/async.h>
#include <user/check.h>
#include <user/thread.h>

#include <algorithm>

#include "benchmark.h"
#include "both_kinds.h"

namespace bench {
namespace {

using async::Task;

constexpr int each = 1'000;  // operations per sample

template <class Jobs>
Outcome switches() {
  async::Executor executor;
  return collect(is_counted() ? 31 : 1'000, each, [] {
    Jobs::spawn_yields(each / 2).detach();
    Jobs::spawn_yields(each / 2).detach();
    const auto begin = reading();
    async::Executor::run_until_idle();
    return reading() - begin;
  });
}

template <class Jobs>
Outcome spawns() {
  async::Executor executor;
  return collect(is_counted() ? 31 : 1'000, each, [] {
    async::spawn(spawn_and_join<Jobs>(each)).detach();
    const auto begin = reading();
    async::Executor::run_until_idle();
    return reading() - begin;
  });
}

Task<> sends_to_itself() {
  async::Channel<int, 1> channel;
  for (int i = 0; i < each / 2; ++i) {
    (void)co_await channel.send(i);
    (void)co_await channel.receive();
  }
}

Outcome ready_channel() {
  async::Executor executor;
  return collect(is_counted() ? 31 : 1'000, each, [] {
    async::spawn(sends_to_itself()).detach();
    const auto begin = reading();
    async::Executor::run_until_idle();
    return reading() - begin;
  });
}

struct Urgent {
  std::uint64_t ran = 0;
  bool over = false;
};

Task<> note_when_it_runs(Urgent& urgent) {
  while (!urgent.over) {
    static_cast<void>(co_await user::notified());
    urgent.ran = reading();
  }
}

// The thread notifies itself in the middle of a step.
Task<std::vector<std::uint64_t>> be_preempted(int times) {
  Urgent urgent;
  auto job = async::spawn(note_when_it_runs(urgent), {.priority = 0});
  co_await async::yield();
  std::vector<std::uint64_t> delays;
  delays.reserve(times);
  const auto notify = [] { user::must(user::notify(user::thread_id(), 1), "notify"); };
  user::preemptible([&] {
    for (int i = 0; i < times; ++i) {
      const auto begin = reading();
      notify();
      delays.push_back(urgent.ran - begin);
    }
  });
  urgent.over = true;
  notify();
  co_await std::move(job);
  co_return delays;
}

Outcome preempting_coroutines() {
  if (!user::Ring::make({})) return {};  // on Linux
  auto delays = user::run(be_preempted(is_counted() ? 100 : 10'000));
  std::ranges::sort(delays);
  return Samples::of(std::move(delays));
}

constexpr Benchmark table[] = {
    {"user.switch", Unit::cost, switches<Stackless>},
    {"user.switch.stackful", Unit::cost, switches<Stackful>},
    {"user.spawn", Unit::cost, spawns<Stackless>},
    {"user.spawn.stackful", Unit::cost, spawns<Stackful>},
    {"user.channel", Unit::cost, ready_channel},
    {"user.preempt", Unit::cost, preempting_coroutines},
};

}  // namespace

std::span<const Benchmark> coroutines() {
  return table;
}

}  // namespace bench
