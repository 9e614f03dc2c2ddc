// What a schedule costs under each policy: N jobs that do nothing but give way, in the simulated
// world, whose executor is traced. Nanoseconds, the least of five rounds.
//
//   bench_policies                          a table
//   bench_policies --list                   the policies' names
//   bench_policies --run NAME READY COUNT   so many schedules of so many ready jobs and nothing
//   else:
//                                           instructions.py --policies counts them
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "async/async.h"
#include "async/policy/all.h"

namespace {

constexpr unsigned rounds = 5;

async::Task<> give_way(const bool& over) {
  while (!over) co_await async::yield();
}

/// An executor with so many jobs ready under a policy.
class Bench {
 public:
  Bench(const async::policy::Kind& kind, unsigned ready) {
    for (unsigned i = 0; i < ready; ++i) async::spawn(give_way(over_)).detach();
    for (unsigned i = 0; i < ready; ++i) async::Executor::run_one();
    executor_.set_policy(kind.make(memory_.bytes, {}));
  }
  ~Bench() {
    executor_.set_policy(nullptr);
    over_ = true;
    async::Executor::run_until_idle();
  }
  void run(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) {
      async::platform::world.now += 1000;
      async::Executor::run_one();
    }
  }

 private:
  async::Executor executor_;
  async::policy::Memory memory_;
  bool over_ = false;
};

double ns_of(const async::policy::Kind& kind, unsigned ready) {
  constexpr unsigned steps = 100'000;
  Bench bench(kind, ready);
  double least = 1e9;
  for (unsigned round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    bench.run(steps);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count() / steps);
  }
  return least;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "--list") {
    for (const auto& kind : async::policy::kinds) fmt::print("{}\n", kind.name);
    return 0;
  }
  if (what == "--run" && count == 5 && async::policy::find(words[2]) != nullptr) {
    Bench bench(*async::policy::find(words[2]), static_cast<unsigned>(std::atoi(words[3])));
    bench.run(static_cast<unsigned>(std::atoi(words[4])));
    return 0;
  }
  fmt::print("{:<12} {:>10} {:>10} {:>10}   ns a schedule, so many ready\n", "policy", 10, 1000,
             100'000);
  for (const auto& kind : async::policy::kinds) {
    fmt::print("{:<12} {:>10.1f} {:>10.1f} {:>10.1f}\n", kind.name, ns_of(kind, 10),
               ns_of(kind, 1000), ns_of(kind, 100'000));
  }
}
