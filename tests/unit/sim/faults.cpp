// Faults that the runtime injects (async/fault.h), in the simulator.
#include "async/fault.h"

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>

#include "run.h"
#include "workloads.h"

using namespace async;
using namespace async::sim;
using sim_test::workload;

namespace {

// Tasks that lock, send, receive, fork, wait and compute on four harts.
const std::string everything =
    "duration 30ms\nharts 4\nlock inherited\nlock plain no-inheritance\nchannel queue 3\n"
    "class producer\n arrive closed 4\n run exp 50us\n lock inherited\n run 10us\n"
    " unlock inherited\n send queue\n"
    "class consumer\n arrive closed 3\n receive queue\n lock plain\n run exp 40us\n unlock plain\n"
    "class forker\n arrive poisson 500/s\n priority 8\n run 20us\n fork 5 piece\n"
    "class piece\n run exp 60us\n wait exp 30us\n";

Outcome run_with(const std::string& faults, std::uint64_t seed, const char* policy = "priority") {
  const Workload what = workload(everything);
  return simulate(what, {.machine = {.harts = what.harts,
                                     .policy = policy::find(policy),
                                     .seed = seed,
                                     .faults = FaultPlan::parse(faults).value()}});
}

bool reports(const Outcome& made, const std::string& kind) {
  for (const std::string& finding : made.findings) {
    if (finding.starts_with(kind)) return true;
  }
  return false;
}

void end_right(std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    for (const char* const policy : {"priority", "edf", "eevdf", "steal-fifo"}) {
      for (const char* const faults : {"1:20:real", "1:200:real", "1:700:real"}) {
        INFO("seed " << seed << ", faults=" << faults << ", policy " << policy);
        const Outcome made = run_with(faults, seed, policy);
        REQUIRE(made.findings.empty());
        REQUIRE(made.stuck.empty());
        REQUIRE(made.classes[1].finished > 0);
      }
    }
  }
}

}  // namespace

TEST_CASE("under faults of real machines no wake is lost, and tasks finish") {
  end_right(10);
}

TEST_CASE("... with 200 seeds", "[long]") {
  end_right(200);
}

TEST_CASE("every kind of fault of a real machine occurs, at about its rate") {
  for (const char* const name : {"wake", "ipi", "ipi-once", "timer", "slow", "steal"}) {
    const FaultPlan plan = FaultPlan::parse(std::string("1:200:") + name).value();
    FaultCount sum;
    set_faults(plan);
    for (int i = 0; i < 1000; ++i) {
      for (std::size_t kind = 0; kind < fault_kinds; ++kind) inject(static_cast<Fault>(kind));
    }
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
      const auto fault = static_cast<Fault>(kind);
      const FaultCount count = count_of(fault);
      if (name_of(fault) != name) {
        CHECK(count.chances == 0);
        continue;
      }
      sum = count;
    }
    set_faults({});
    INFO(name);
    CHECK(sum.chances == 1000);
    CHECK(sum.injected > 140);
    CHECK(sum.injected < 260);
  }
}

TEST_CASE("faults of each kind change the schedule, and the same plan makes the same one") {
  const std::uint64_t without = run_with("1:0:real", 1).hash;
  for (const char* const name : {"wake", "ipi", "ipi-once", "timer", "slow", "steal"}) {
    INFO(name);
    const std::string faults = std::string("1:300:") + name;
    CHECK(run_with(faults, 1).hash != without);
    CHECK(run_with(faults, 1).hash == run_with(faults, 1).hash);
    CHECK(run_with(faults, 1).hash != run_with(std::string("2:300:") + name, 1).hash);
  }
}

TEST_CASE("a wake that is not sent is a lost wake, and an IPI that never comes a lost IPI") {
  unsigned wakes = 0, ipis = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    wakes += reports(run_with("1:200:wake-lost", seed), "lost wake: waits, although its condition");
    ipis += reports(run_with("1:100:ipi-lost", seed), "lost IPI: hart");
  }
  CHECK(wakes == 5);
  CHECK(ipis == 5);
}

TEST_CASE("FaultPlan::parse() refuses wrong plans") {
  CHECK(FaultPlan::parse("7:20:real").value().seed == 7);
  CHECK(FaultPlan::parse("7:20:real").value().faults == 0x3f);
  CHECK(FaultPlan::parse("7:1000:memory,wake").value().faults == 0x41);
  for (const char* const wrong : {"", "x:1:real", "1:x:real", "1:1001:real", "1:1",
                                  "1:1:", "1:1:unreal", "1:1:wake,,ipi", "1:-1:real"}) {
    INFO(wrong);
    CHECK(!FaultPlan::parse(wrong));
  }
}
