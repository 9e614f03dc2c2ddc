// A plan describes the same tasks that simulate() runs with the same seed.
#include "plan.h"

#include <catch2/catch_test_macros.hpp>
#include <map>
#include <sstream>

#include "run.h"
#include "workloads.h"

using namespace async::sim;
using sim_test::stored_workload;
using sim_test::workload;

TEST_CASE("a plan lists every task with its arrival and its steps, loops unrolled") {
  const auto made =
      plan(workload("duration 10ms\nwarm-up 1ms\nlock l\nchannel c 3\n"
                    "class a\n arrive every 4ms from 1ms\n priority 3\n deadline 2ms\n weight 512\n"
                    " lock l\n run 1us\n unlock l\n"
                    "class b\n arrive once at 5ms\n reserve 1us every 5us\n on 1 2\n repeat 2\n  "
                    "send c\n  yield\n end\n"
                    "class c\n arrive closed 1 think 1ms\n run 3ms\n wait 1ms\n"),
           1, true);
  REQUIRE(made);
  CHECK(*made ==
        "cotrap-plan 1\nuntil 10000000 after 1000000\nlocks i channels 3\n"
        "class a 3 2000000 512 0 0 18446744073709551615\nclass b 16 0 1024 1000 5000 6\nclass c 16 "
        "0 1024 0 0 18446744073709551615\n"
        "task 2 0 r3000000 w1000000 n1000000 r3000000 w1000000 n1000000\n"
        "task 0 1000000 l0 r1000 u0\ntask 1 5000000 s0 y s0 y\ntask 0 5000000 l0 r1000 u0\n"
        "task 0 9000000 l0 r1000 u0\n");
}

TEST_CASE("a plan for a policy without reservations contains none") {
  const Workload reserving = workload("class a\n arrive once\n reserve 1us every 5us\n run 1us\n");
  CHECK(plan(reserving, 1, true)->find("class a 16 0 1024 1000 5000 18446744073709551615\n") !=
        std::string::npos);
  CHECK(plan(reserving, 1, false)->find("class a 16 0 1024 0 5000 18446744073709551615\n") !=
        std::string::npos);
}

TEST_CASE("tasks run the same work in a plan and in the simulator") {
  Workload queue = stored_workload("mm1");
  queue.duration_ns = 100'000'000'000;
  queue.warm_up_ns = 0;
  const auto made = plan(queue, 7, true);
  REQUIRE(made);
  std::istringstream words(*made);
  std::uint64_t tasks = 0, run_ns = 0;
  for (std::string word; words >> word;) {
    tasks += word == "task";
    if (word[0] == 'r' && word.size() > 1 && std::isdigit(word[1]))
      run_ns += std::stoull(word.substr(1));
  }
  const Outcome outcome =
      simulate(queue, {.machine = {.policy = async::policy::find("fifo"), .seed = 7}});
  CHECK(outcome.classes[0].arrived == tasks);
  CHECK(outcome.classes[0].run_ns <= run_ns);  // unfinished tasks do not count
  CHECK(outcome.classes[0].run_ns > run_ns - 100'000'000);
}

TEST_CASE("tasks that arrive together have the same numbers in plan and simulator") {
  const Workload many = workload(
      "duration 1s\nclass a\n arrive every 30ms\n run 1ms\nclass b\n arrive every 20ms\n run "
      "1ms\nclass c\n arrive closed 2\n wait 1s\nclass d\n arrive once at 60ms times 2\n run "
      "1ms\n");
  const auto made = plan(many, 1, true);
  REQUIRE(made);
  std::vector<std::string> planned;  // the class of each planned task
  std::istringstream lines(*made);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("task ")) planned.push_back(many.classes[std::stoul(line.substr(5))].name);
  }
  std::map<std::uint64_t, std::string> simulated;
  (void)simulate(many, {.machine = {.policy = async::policy::find("fifo")},
                        .hook = [&](async::TraceEvent event, const async::Job& job) {
                          if (event == async::TraceEvent::run)
                            simulated[number_of(job)] = job.name();
                        }});
  REQUIRE(simulated.size() == planned.size());
  for (const auto& [number, of] : simulated) CHECK(planned[number - 1] == of);
}

TEST_CASE("a workload that has no fixed plan is refused") {
  const auto forks =
      plan(workload("class a\n arrive once\n fork 2 b\nclass b\n run 1ms\n"), 1, true);
  REQUIRE_FALSE(forks);
  CHECK(forks.error() == "class a forks, which only the simulator supports");
  const auto long_one =
      plan(workload("duration 1000s\nclass a\n arrive closed 9 think 1ns\n run 1ns\n"), 1, true);
  REQUIRE_FALSE(long_one);
  CHECK(long_one.error() == "its plan is too long: use a shorter --duration");
}
