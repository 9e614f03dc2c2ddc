// The reported figures of a workload equal those computed by hand.
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include "report.h"
#include "run.h"
#include "workloads.h"

using namespace async::sim;
using Catch::Approx;
using sim_test::workload;

namespace {

constexpr double ms = 1e6;

Outcome played(const std::string& text, std::string_view policy = "fifo") {
  return simulate(workload(text), {.machine = {.policy = async::policy::find(policy)}});
}

double throughput(const Outcome& outcome) {
  return static_cast<double>(outcome.classes[0].finished) /
         (static_cast<double>(outcome.measured_ns) * 1e-9);
}

}  // namespace

TEST_CASE("a closed class agrees with the response time law") {
  for (const char* const policy : {"fifo", "round-robin", "priority", "edf", "eevdf"}) {
    INFO(policy);
    // The hart is saturated: one of the 10 tasks ends a run every 2 ms. So each task has a round of
    // 20 ms, of which it thinks for 10 ms.
    const Outcome full = played(
        "duration 10s\nwarm-up 1s\nclass c\n arrive closed 10 think 10ms\n deadline 15ms\n run 2ms",
        policy);
    CHECK(throughput(full) == Approx(500).epsilon(0.01));
    CHECK(full.classes[0].response.mean() == Approx(10 * ms).epsilon(0.01));
    CHECK(full.classes[0].missed == 0);

    const Outcome random =
        played("duration 100s\nclass c\n arrive closed 10 think exp 10ms\n run exp 2ms", policy);
    const double round_s = random.classes[0].response.mean() * 1e-9 + 0.01;
    CHECK(throughput(random) * round_s == Approx(10).epsilon(0.02));
  }
  const Outcome late =
      played("duration 1s\nclass c\n arrive closed 4 think 1us\n deadline 2ms\n run 1ms");
  CHECK(late.classes[0].missed + 8 > late.classes[0].arrived);
}

TEST_CASE("a task that ends at the instant of a more urgent arrival is not preempted") {
  const Outcome outcome = played(R"(duration 12ms
class a
  arrive every 4ms
  priority 1
  run 1ms
class b
  arrive once
  priority 2
  deadline 4ms
  run 3ms)",
                                 "priority");
  CHECK(outcome.classes[1].response.mean() == 4 * ms);
  CHECK(outcome.classes[1].missed == 0);
  CHECK(outcome.counts.preemptions == 0);
}

TEST_CASE("throughput counts only the time after the warm-up") {
  CHECK(throughput(played("duration 2s\nwarm-up 1s\nclass c\n arrive every 10ms\n run 1ms")) ==
        100);
}

TEST_CASE("unfinished work counts as utilisation and as time of its task") {
  CHECK(played("duration 100ms\nclass c\n arrive once\n run 150ms").utilisation() == 1);
  const Outcome both = played("duration 1s\nclass c\n arrive closed 2\n run 400ms");
  CHECK(both.utilisation() == 1);
  CHECK(*both.classes[0].fairness == Approx(1 / (2 * (0.6 * 0.6 + 0.4 * 0.4))));
  CHECK(*played("duration 1s\nclass c\n arrive closed 2\n run 2s").classes[0].fairness == 0.5);
}

TEST_CASE("a report can be parsed whatever the names of its classes") {
  CHECK(json_text("a\x01\n\t\"\\\x1b") == R"("a\u0001\u000a\u0009\"\\\u001b")");
}

TEST_CASE("a percentile is the least value with at least that share of values at or below it") {
  Sample sample;
  for (const std::uint64_t value : {40, 10, 30, 20}) sample.add(value);
  CHECK(sample.percentile(0.25) == 10);
  CHECK(sample.percentile(0.5) == 20);
  CHECK(sample.percentile(0.51) == 30);
  CHECK(sample.percentile(0.99) == 40);
  CHECK(sample.largest() == 40);
  CHECK(Sample{}.percentile(0.5) == 0);
}
