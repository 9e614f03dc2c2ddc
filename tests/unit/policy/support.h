// A machine in virtual time, for tests that spawn their own jobs.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "async/async.h"
#include "machine.h"

namespace policy_test {

using namespace std::chrono_literals;
using async::Task;
using async::policy::Kind;
using async::sim::Compute;
using async::sim::Machine;

inline std::uint64_t ns(async::Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}

inline const Kind& kind(const char* name) {
  return *async::policy::find(name);
}

/// Runs the test for every policy, with the policy's name as context.
#define FOR_EVERY_POLICY(variable)                                        \
  const auto& variable = *GENERATE_REF(from_range([] {                    \
    std::vector<const async::policy::Kind*> all;                          \
    for (const auto& kind : async::policy::kinds()) all.push_back(&kind); \
    return all;                                                           \
  }()));                                                                  \
  INFO("policy " << variable.name)

class Bench {
 public:
  explicit Bench(const Kind& policy, unsigned harts = 1, std::uint64_t seed = 1)
      : machine({.harts = harts, .policy = &policy, .seed = seed}) {}
  ~Bench() {
    machine.set_hook({});
    machine.wind_down();
    INFO(machine.trouble());
    CHECK(machine.trouble().empty());
  }

  /// Spawns a job now, as an interrupt handler does.
  async::Job& spawn(Task<> task,
                    const async::SpawnOptions& options = {.name = "job", .priority = 16},
                    async::Attributes attributes = {}) {
    const async::Strand::Guard strand;
    auto handle = async::spawn(machine.executor(async::platform::hart()), std::move(task), options);
    async::Job& job = handle.job();
    attributes.owner =
        &subjects_.emplace_back(std::make_unique<async::sim::Subject>(subjects_.size() + 1))
             .operator*();
    async::Executor::set_attributes(job, attributes);
    handle.detach();
    return job;
  }
  /// Runs `spawn_all` on a hart now: it spawns jobs before any of them runs.
  void start(unsigned hart, std::function<void()> spawn_all) {
    machine.at(machine.now(), hart, std::move(spawn_all));
  }

 private:
  std::vector<std::unique_ptr<async::sim::Subject>> subjects_;

 public:
  Machine machine;
};

/// Computes for `work`, then stores the time.
inline Task<> work(Bench& bench, async::Duration work, std::uint64_t& ended_ns) {
  for (Compute left(work); !left.done();) co_await left;
  ended_ns = bench.machine.now();
}
inline Task<> work_for_ever(async::Duration& done) {
  while (!async::is_cancelled()) {
    for (Compute left(100us); !left.done();) co_await left;
    done += 100us;
  }
}

}  // namespace policy_test
