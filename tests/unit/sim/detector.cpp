// Detectors find faults, and report none in correct runs.
#include "detector.h"

#include "async/async.h"
#include "run.h"
#include "run_once.h"
#include "workloads.h"

using namespace sim_test;
using async::sim::Detector;
using async::sim::Outcome;

namespace {

Outcome run_watched(const std::string& text, const char* policy, Detector::Limits limits) {
  const auto read = workload(text);
  return simulate(read, {.machine = {.harts = read.harts, .policy = async::policy::find(policy)},
                         .limits = limits});
}

constexpr const char* flood =
    "duration 1s\nclass flood\n arrive every 10ms\n priority 1\n run 10ms\n"
    "class patient\n arrive once\n priority 30\n run 1ms\n";

}  // namespace

TEST_CASE("a job that is ready for too long starves, and the report names where it waits") {
  const Outcome made = run_watched(flood, "priority", {.starving_ns = ns(500ms)});
  REQUIRE(made.findings.size() == 1);
  CHECK(made.findings[0].starts_with("starvation: ready for 1000000000 ns\n'patient' priority 30"));
  CHECK(made.findings[0].find("awaits: 0x") != std::string::npos);
  CHECK(run_watched(flood, "fifo", {.starving_ns = ns(500ms)}).findings.empty());
  CHECK(run_watched(flood, "priority", {}).findings.empty());
}

TEST_CASE("a job that runs for too long while others are ready is a stall") {
  const std::string hog =
      "duration 1s\nclass hog\n arrive once\n run 300ms\n wait 1ms\n"
      "class other\n arrive once at 10ms\n run 1ms\n";
  const Outcome made = run_watched(hog, "fifo", {.stalled_ns = ns(100ms)});
  REQUIRE(made.findings.size() == 1);
  CHECK(made.findings[0].starts_with("stall: running for 300000000 ns; ready jobs: 1\n'hog'"));
  CHECK(made.findings[0].find("awaits: 0x") != std::string::npos);
  CHECK(run_watched(hog, "round-robin", {.stalled_ns = ns(100ms)}).findings.empty());
}

TEST_CASE("a deadlock is found when it closes, even if other jobs continue") {
  const std::string text =
      "duration 1s\nlock a\nlock b\nclass one\n arrive once\n lock a\n run 5ms\n lock b\n"
      " unlock b\n unlock a\n"
      "class other\n arrive once at 1ms\n lock b\n run 5ms\n lock a\n unlock a\n unlock b\n"
      "class clock\n arrive every 1ms\n run 10us\n";
  const Outcome made = run_watched(text, "round-robin", {});
  REQUIRE(made.findings.size() == 1);
  CHECK(made.findings[0].starts_with("deadlock: waits for itself through other jobs:\n"));
  CHECK(made.findings[0].find("'one' priority 16, waits: b, held by 'other'") != std::string::npos);
  CHECK(made.findings[0].find("'other' priority 16, waits: a, held by 'one'") != std::string::npos);
  CHECK(run_watched(text, "fifo", {}).findings.empty());
}

TEST_CASE("a waiting job that no event can wake is a lost wake") {
  const Outcome made =
      run_watched("duration 1s\nchannel c 1\nclass taker\n arrive once\n receive c\n", "fifo", {});
  REQUIRE(made.findings.size() == 1);
  CHECK(
      made.findings[0].starts_with("lost wake: waits, and no event is left to wake it\n'taker' "
                                   "priority 16, waits: channel empty"));
  CHECK(made.stuck.find("'taker'") != std::string::npos);
}

TEST_CASE("a job that becomes ready twice is found, and one that runs without being ready") {
  Bench bench(kind("fifo"));
  Detector detector;
  bench.start(0, [&] {
    const async::Job& job = bench.spawn(spin(1), {.name = "twice", .priority = 16});
    detector.observe(async::TraceEvent::spawn, job);
    detector.observe(async::TraceEvent::run, job);
    detector.observe(async::TraceEvent::wait, job);
    detector.observe(async::TraceEvent::wake, job);
    CHECK(detector.findings().empty());
    detector.observe(async::TraceEvent::wake, job);
    CHECK(detector.findings().size() == 1);
    CHECK(detector.findings()[0].starts_with("double enqueue: woken while already ready\n'twice'"));
  });
  bench.machine.run_until(ns(1s));
}
