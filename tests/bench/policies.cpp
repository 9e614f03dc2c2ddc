// What a schedule costs under each policy: N jobs that do nothing but give way, in the simulated
// world, whose executor is traced. Nanoseconds, the least of five rounds; lots are drawn in O(n).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "async/async.h"
#include "async/policy/all.h"

namespace {

constexpr unsigned rounds = 5;

async::Task<> give_way(const bool& over) {
  while (!over) co_await async::yield();
}

double ns_of(const async::policy::Kind& kind, unsigned ready, unsigned steps) {
  async::platform::world = {};
  async::Executor executor;
  async::policy::Memory memory;
  bool over = false;
  for (unsigned i = 0; i < ready; ++i) async::spawn(give_way(over)).detach();
  for (unsigned i = 0; i < ready; ++i) async::Executor::run_one();
  executor.set_policy(kind.make(memory.bytes, {}));
  double least = 1e9;
  for (unsigned round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < steps; ++i) {
      async::platform::world.now += 1000;
      async::Executor::run_one();
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count() / steps);
  }
  executor.set_policy(nullptr);
  over = true;
  async::Executor::run_until_idle();
  return least;
}

}  // namespace

int main() {
  fmt::print("{:<12} {:>10} {:>10} {:>10}   ns a schedule, so many ready\n", "policy", 10, 1000,
             100'000);
  for (const auto& kind : async::policy::kinds) {
    const bool is_linear = std::string_view(kind.name) == "lottery";
    fmt::print("{:<12} {:>10.1f} {:>10.1f} {:>10.1f}\n", kind.name, ns_of(kind, 10, 100'000),
               ns_of(kind, 1000, 100'000), ns_of(kind, 100'000, is_linear ? 200 : 200'000));
  }
}
