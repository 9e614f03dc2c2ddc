// Measures one scheduling decision under each policy, with N jobs that only yield: nanoseconds, the
// minimum of five rounds.
//
//   bench_policies                          a table
//   bench_policies --list                   the policies' names
//   bench_policies --run NAME READY COUNT   only makes COUNT decisions with READY ready jobs, for
//                                           instructions.py --policies
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "async/async.h"
#include "async/policy/kinds.h"

namespace {

async::Task<> keep_yielding(std::size_t& left) {
  while (left != 0) {
    --left;
    co_await async::yield();
  }
}

/// An executor with `ready` ready jobs under a policy. Each job has run once, because some policies
/// sort all new jobs at the first decision.
class Bench {
 public:
  Bench(const async::policy::Kind& kind, unsigned ready) : left_(SIZE_MAX) {
    executor_.set_policy(kind.make(memory_.bytes, {}));
    for (unsigned i = 0; i < ready; ++i) async::spawn(keep_yielding(left_)).detach();
    for (unsigned i = 0; i < ready; ++i) async::Executor::run_one();
  }
  ~Bench() {
    end_after(0);
    executor_.set_policy(nullptr);
  }
  void run(unsigned count) {
    left_ = SIZE_MAX;
    for (unsigned i = 0; i < count; ++i) async::Executor::run_one();
  }
  void end_after(unsigned count) {
    left_ = count;
    async::Executor::run_until_idle();
  }

 private:
  async::Executor executor_;
  async::policy::Memory memory_;
  std::size_t left_;  // how many more times the jobs may yield
};

double least_ns(const async::policy::Kind& kind, unsigned ready) {
  constexpr unsigned rounds = 5;
  constexpr unsigned count = 200'000;
  Bench bench(kind, ready);
  double least = 1e9;
  for (unsigned round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    bench.run(count);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    least = std::min(least, took.count() / count);
  }
  return least;
}

unsigned number(const char* word) {
  return static_cast<unsigned>(std::atoi(word));
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "--list") {
    for (const auto& kind : async::policy::kinds()) fmt::print("{}\n", kind.name);
    return 0;
  }
  if (what == "--run" && count == 5 && async::policy::find(words[2]) != nullptr) {
    Bench(*async::policy::find(words[2]), number(words[3])).end_after(number(words[4]));
    return 0;
  }
  async::platform::calibrate();
  fmt::print("{:<12} {:>10} {:>10} {:>10}   ns per decision, by ready jobs\n", "policy", 10, 1000,
             100'000);
  for (const auto& kind : async::policy::kinds()) {
    fmt::print("{:<12} {:>10.1f} {:>10.1f} {:>10.1f}\n", kind.name, least_ns(kind, 10),
               least_ns(kind, 1000), least_ns(kind, 100'000));
  }
}
