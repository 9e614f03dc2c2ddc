// The simulator reproduces results that are known from theory.
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "run.h"
#include "workloads.h"

using namespace async::sim;
using sim_test::stored_workload;
using sim_test::workload;

namespace {

Outcome run(const Workload& workload, const char* policy, std::uint64_t seed = 1,
            async::Duration slice = std::chrono::milliseconds(4)) {
  return simulate(workload, {.machine = {.harts = workload.harts,
                                         .policy = async::policy::find(policy),
                                         .seed = seed,
                                         .slice = slice}});
}

// ── periodic tasks ───────────────────────────────────────────────────────────────────────────────

struct Periodic {
  std::uint64_t period_us;
  std::uint64_t work_us;
};

/// Rate-monotonic priorities (the first task is the most urgent); all tasks are released together
/// at time 0.
Workload periodic_set(std::vector<Periodic> tasks) {
  std::string text = "duration 4s\n";
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::string period = std::to_string(tasks[i].period_us) + "us";
    text += "class t" + std::to_string(i) + "\n arrive every " + period + "\n deadline " + period +
            "\n priority " + std::to_string(i + 1) + "\n run " + std::to_string(tasks[i].work_us) +
            "us\n";
  }
  return workload(text);
}

/// Response time analysis (M. Joseph, P. Pandya: Finding Response Times in a Real-Time System,
/// 1986): the least R that is the task's own work plus the work that all more urgent tasks release
/// within R. Returns 0 if R exceeds the period.
std::uint64_t response_time(const std::vector<Periodic>& tasks, std::size_t task) {
  for (std::uint64_t response = tasks[task].work_us;;) {
    std::uint64_t next = tasks[task].work_us;
    for (std::size_t i = 0; i < task; ++i) {
      next += (response + tasks[i].period_us - 1) / tasks[i].period_us * tasks[i].work_us;
    }
    if (next == response) return response;
    if (next > tasks[task].period_us) return 0;
    response = next;
  }
}

std::vector<Periodic> random_set(Random& random, double utilisation) {
  std::vector<Periodic> tasks(3 + random.next() % 4);
  std::vector<double> shares;
  for (std::size_t i = 0; i < tasks.size(); ++i) shares.push_back(-std::log(random.unit()));
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].period_us = 2000 + 100 * (random.next() % 480);
    const double work = shares[i] / sum * utilisation * static_cast<double>(tasks[i].period_us);
    tasks[i].work_us = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(work));
  }
  std::ranges::sort(tasks, {}, &Periodic::period_us);
  return tasks;
}

std::uint64_t missed(const Outcome& outcome) {
  std::uint64_t all = 0;
  for (const ClassOutcome& made : outcome.classes) all += made.missed;
  return all;
}

// ── queues ───────────────────────────────────────────────────────────────────────────────────────

struct Interval {
  double low, high;
};

/// The confidence interval of the mean, from the means of independent runs: Student's t for 20
/// runs, 99 %.
Interval mean_response_ms(double load, const char* policy, async::Duration slice) {
  constexpr unsigned runs = 20;
  constexpr double t_99_of_19 = 2.861;
  const Workload queue = workload("duration 60s\nwarm-up 5s\nclass request\n arrive poisson " +
                                  std::to_string(load * 1000) + "/s\n run exp 1ms\n");
  double sum = 0, squares = 0;
  for (unsigned seed = 1; seed <= runs; ++seed) {
    const double mean = run(queue, policy, seed, slice).classes[0].response.mean() * 1e-6;
    sum += mean;
    squares += mean * mean;
  }
  const double mean = sum / runs;
  const double variance = (squares - sum * mean) / (runs - 1);
  const double half = t_99_of_19 * std::sqrt(variance / runs);
  return {mean - half, mean + half};
}

}  // namespace

TEST_CASE("edf meets every deadline of sets whose utilisation is at most 1") {
  Random random(11);
  for (unsigned set = 0; set < 60; ++set) {
    const auto tasks = random_set(random, set < 20 ? 1.0 : 0.8 + 0.2 * random.unit());
    INFO("set " << set);
    CHECK(missed(run(periodic_set(tasks), "edf")) == 0);
  }
}

TEST_CASE("edf misses where utilisation is above 1") {
  Random random(12);
  for (unsigned set = 0; set < 10; ++set) {
    CHECK(missed(run(periodic_set(random_set(random, 1.1)), "edf")) != 0);
  }
}

TEST_CASE("fixed priorities miss exactly the deadlines that response time analysis predicts") {
  Random random(13);
  unsigned schedulable = 0, not_schedulable = 0;
  for (unsigned set = 0; set < 100; ++set) {
    const auto tasks = random_set(random, 0.7 + 0.3 * random.unit());
    const Outcome outcome = run(periodic_set(tasks), "priority");
    INFO("set " << set);
    for (std::size_t task = 0; task < tasks.size(); ++task) {
      INFO("task " << task << ", of " << tasks[task].work_us << " us in " << tasks[task].period_us);
      const std::uint64_t response = response_time(tasks, task);
      if (response == 0) {
        ++not_schedulable;
        CHECK(outcome.classes[task].missed != 0);
        break;  // the analysis holds for less urgent tasks only if this one is in time
      }
      ++schedulable;
      CHECK(outcome.classes[task].missed == 0);
      // All tasks are released together at time 0, so the run contains the critical instant.
      CHECK(outcome.classes[task].response.largest() == response * 1000);
    }
  }
  CHECK(schedulable > 100);
  CHECK(not_schedulable > 10);
}

TEST_CASE("the set at Liu and Layland's bound misses by rate and meets all deadlines by EDF") {
  CHECK(missed(run(stored_workload("liu-layland-edf-only"), "priority")) != 0);
  CHECK(missed(run(stored_workload("liu-layland-edf-only"), "edf")) == 0);
  CHECK(missed(run(stored_workload("liu-layland"), "priority")) == 0);
  CHECK(missed(run(stored_workload("liu-layland"), "edf")) == 0);
}

TEST_CASE("Pathfinder misses its deadline only without priority inheritance") {
  const auto bus = [](const char* file) {
    return run(stored_workload(file), "priority").classes[0];
  };
  CHECK(bus("pathfinder").name == "bus");
  CHECK(bus("pathfinder").missed == 0);
  CHECK(bus("pathfinder").finished > 50);
  CHECK(bus("pathfinder-without-inheritance").missed != 0);
}

TEST_CASE("under EDF Pathfinder meets its deadlines if the lock inherits them") {
  CHECK(run(stored_workload("pathfinder"), "edf").classes[0].missed == 0);
}

TEST_CASE("a lock holder inherits a deadline, also through other holders, and loses it at unlock") {
  // `low` has no deadline. `middle`, whose deadline is later than that of `urgent`, arrives while
  // `low` holds the first lock. If `low` kept the inherited deadline after its unlock, the rest of
  // its work would make `middle` late.
  const auto outcome = [](const std::string& lock, bool directly) {
    const std::string urgent = directly ? "first" : "second";
    return run(workload("duration 1s\nlock first" + lock + "\nlock second" + lock +
                        "\nclass low\n arrive once\n lock first\n run 10ms\n unlock first\n"
                        " run 30ms\n"
                        "class between\n arrive once at 1ms\n deadline 900ms\n lock second\n"
                        " lock first\n run 1ms\n unlock first\n unlock second\n"
                        "class urgent\n arrive once at 2ms\n deadline 20ms\n lock " +
                        urgent + "\n run 1ms\n unlock " + urgent +
                        "\nclass middle\n arrive once at 3ms\n deadline 65ms\n run 50ms\n"),
               "edf");
  };
  for (const bool directly : {true, false}) {
    INFO((directly ? "directly" : "by way of another"));
    const Outcome with = outcome("", directly);
    CHECK(missed(with) == 0);
    CHECK(with.classes[2].finished == 1);
    CHECK(outcome(" no-inheritance", directly).classes[2].missed == 1);
  }
}

TEST_CASE("a preempted holder keeps its inherited deadline, also on several harts") {
  for (const char* harts : {"1", "2"}) {
    const Outcome made =
        run(workload("duration 1s\nharts " + std::string(harts) +
                     "\nlock l\nclass low\n on 0\n arrive once\n lock l\n run 10ms\n unlock l\n"
                     "class urgent\n on 0\n arrive once at 1ms\n deadline 30ms\n lock l\n"
                     " run 1ms\n unlock l\n"
                     "class first\n on 0\n arrive once at 2ms\n deadline 5ms\n run 3ms\n"
                     "class middle\n on 0\n arrive once at 3ms\n deadline 90ms\n run 50ms\n"),
            "edf");
    INFO(harts << " harts");
    CHECK(missed(made) == 0);
  }
}

TEST_CASE("a lock goes to the waiter with the earliest deadline, in whatever order they arrived") {
  const Outcome made = run(
      workload("duration 1s\nlock l\nclass low\n arrive once\n lock l\n run 10ms\n unlock l\n"
               "class late\n arrive once at 1ms\n deadline 90ms\n lock l\n run 20ms\n unlock l\n"
               "class soon\n arrive once at 2ms\n deadline 10ms\n lock l\n run 1ms\n unlock l\n"),
      "edf");
  CHECK(missed(made) == 0);
}

TEST_CASE("M/M/1: mean response times are 1 / (mu - lambda), under fifo and under sharing",
          "[long]") {
  using namespace std::chrono_literals;
  for (const double load : {0.5, 0.8, 0.9}) {
    const double expected = 1 / (1 - load);
    const Interval fifo = mean_response_ms(load, "fifo", 4ms);
    INFO("load " << load << ": fifo " << fifo.low << " to " << fifo.high);
    CHECK(fifo.low < expected);
    CHECK(fifo.high > expected);
    CHECK(fifo.high - fifo.low < expected * 0.3);
    const Interval shared = mean_response_ms(load, "round-robin", 100us);
    INFO("shared " << shared.low << " to " << shared.high);
    CHECK(shared.low < expected);
    CHECK(shared.high > expected);
    CHECK(shared.high - shared.low < expected * 0.3);
  }
}

TEST_CASE("M/D/1: fifo waits half as long as with M/M/1, sharing as long", "[long]") {
  using namespace std::chrono_literals;
  const Workload queue =
      workload("duration 100s\nwarm-up 10s\nclass request\n arrive poisson 800/s\n run 1ms\n");
  const double fifo = run(queue, "fifo").classes[0].response.mean() * 1e-6;
  const double shared = run(queue, "round-robin", 1, 20us).classes[0].response.mean() * 1e-6;
  CHECK(fifo > 3 * 0.95);  // 1 + 0.8 / (2 * 0.2)
  CHECK(fifo < 3 * 1.05);
  CHECK(shared > 5 * 0.9);
  CHECK(shared < 5 * 1.1);
}

TEST_CASE("two runs with one seed are equal, and other seeds' runs differ") {
  const Workload web = stored_workload("web");
  for (const auto& kind : async::policy::kinds()) {
    INFO(kind.name);
    CHECK(run(web, kind.name, 1).hash == run(web, kind.name, 1).hash);
    CHECK(run(web, kind.name, 1).hash != run(web, kind.name, 2).hash);
  }
}
