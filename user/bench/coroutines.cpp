// Coroutines of a program, under the program's executor. They make no system calls, so the costs
// are the same on every kernel.
#include <async/async.h>

#include "benchmark.h"

namespace bench {
namespace {

using async::Task;

constexpr int each = 1'000;  // operations per sample

Task<> yields() {
  for (int i = 0; i < each / 2; ++i) co_await async::yield();
}

Outcome switching_coroutines() {
  async::Executor executor;
  return collect(is_counted() ? 31 : 1'000, each, [] {
    async::spawn(yields()).detach();
    async::spawn(yields()).detach();
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

constexpr Benchmark table[] = {
    {"user.switch", Unit::cost, switching_coroutines},
    {"user.channel", Unit::cost, ready_channel},
};

}  // namespace

std::span<const Benchmark> coroutines() {
  return table;
}

}  // namespace bench
