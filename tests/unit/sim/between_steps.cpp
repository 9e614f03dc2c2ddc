// During exploration the simulator may switch after every step of a workload's task, even if the
// task has not waited. Otherwise it does not.
#include <catch2/catch_test_macros.hpp>

#include "director.h"
#include "explore.h"
#include "run.h"
#include "workloads.h"

using namespace async::sim;

namespace {

Exploration::Run run_of_text(const std::string& text, bool by_priority = true) {
  return [tasks = sim_test::workload(text), by_priority] {
    return simulate(tasks, {.machine = {.policy = &directed_policy(by_priority)}}).what_is_wrong();
  };
}

/// A workload with a task for each string of steps; all arrive at once.
std::string tasks(const std::vector<std::string>& all) {
  std::string text = "duration 1ms\nlock a\nlock b\nchannel c 1\n";
  for (const std::string& steps : all) {
    text += "class task" + std::to_string(text.size()) + "\n arrive once\n" + steps;
  }
  return text;
}

const std::string ab = " lock a\n lock b\n unlock b\n unlock a\n";
const std::string ba = " lock b\n lock a\n unlock a\n unlock b\n";

void finds_deadlock(const std::string& text) {
  INFO(text);
  const auto run = run_of_text(text);
  for (const auto& found : {Exploration::depth_first({}, run),
                            Exploration::at_random({.depth = 2, .most = 1000}, run)}) {
    CHECK(found.failure.starts_with("deadlock: "));
    CHECK(run_under(found.schedule, run) == found.failure);
  }
}

}  // namespace

TEST_CASE("a deadlock by two lock orders is found although the locks are free and no task yields") {
  finds_deadlock(tasks({ab, ba}));
}

TEST_CASE("another task may run after an unlock, a send and a receive") {
  finds_deadlock(tasks({" lock a\n lock b\n unlock b\n lock b\n unlock b\n unlock a\n",
                        " lock b\n unlock b\n" + ba}));
  finds_deadlock(tasks({" lock a\n send c\n lock b\n unlock b\n unlock a\n", ba}));
  finds_deadlock(tasks({" send c\n lock a\n receive c\n lock b\n unlock b\n unlock a\n", ba}));
}

TEST_CASE("with one lock order every schedule succeeds, and all schedules are tried") {
  const auto made = Exploration::depth_first({.bound = 50}, run_of_text(tasks({ab, ab})));
  CHECK(made.failure.empty());
  CHECK(made.is_whole);
}

TEST_CASE("independent steps are tried in one order, and dependent steps in all orders") {
  const std::string a = " repeat 2\n lock a\n unlock a\n end\n";
  const std::string b = " repeat 2\n lock b\n unlock b\n end\n";
  const auto count = [](const std::string& text, bool reduces) {
    const auto made =
        Exploration::depth_first({.bound = 50, .reduces = reduces}, run_of_text(text));
    CHECK(made.failure.empty());
    CHECK(made.is_whole);
    return made.schedules;
  };
  const auto whole = count(tasks({a, b}), false);
  const auto apart = count(tasks({a, b}), true);
  CHECK(apart * 2 < whole);
  CHECK(apart < count(tasks({a, a}), true));
}

TEST_CASE("a preempted task resumes before its equals, and less urgent tasks wait") {
  // With bound 0 tasks run one after another, so none waits for a lock.
  const auto first = Exploration::depth_first({.bound = 0}, run_of_text(tasks({ab, ba})));
  CHECK(first.failure.empty());
  CHECK(first.schedules == 1);
  const auto urgent = run_of_text(tasks({ab + " run 1us\n", ba + " priority 3\n"}));
  const auto made = Exploration::depth_first({.bound = 50}, urgent);
  // The urgent task arrives while the other holds a lock.
  CHECK(made.failure.starts_with("deadlock: "));
  CHECK(Exploration::depth_first(
            {.bound = 50},
            run_of_text("duration 1ms\nlock a\nlock b\nclass urgent\n priority 3\n"
                        " arrive once\n" +
                        ab + "class other\n arrive once at 1us\n" + ba))
            .failure.empty());  // the urgent task ends before the other arrives, at 1us
}

TEST_CASE("the exploration can leave a schedule while tasks are still to arrive") {
  const std::string periodic = " arrive every 100ms\n run 1ms\n";
  const auto two = run_of_text("duration 1s\nclass a\n" + periodic + "class b\n" + periodic);
  const auto explored = Exploration::depth_first({.most = 1000}, two);
  CHECK(explored.failure.empty());
  CHECK(explored.left > 0);
}

TEST_CASE("tasks that yield for ever stall under every policy even if others are still to arrive",
          "[long]") {
  const auto stalls = sim_test::workload(
      "duration 1s\nclass a\n arrive closed 2\n yield\nclass b\n arrive every 100ms\n run 1ms\n");
  for (const auto& policy : async::policy::kinds()) {
    INFO(policy.name);
    const Outcome outcome = simulate(stalls, {.machine = {.policy = &policy}});
    CHECK(outcome.what_is_wrong().starts_with("stall: "));
    CHECK(outcome.classes.size() == 2);
  }
}
