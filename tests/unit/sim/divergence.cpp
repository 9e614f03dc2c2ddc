// Finds where a recorded schedule and the simulator's differ.
#include "divergence.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <stdexcept>

using namespace async::sim;

namespace {

Decision at(std::uint64_t ns, unsigned hart, std::uint64_t task,
            std::vector<std::uint64_t> candidates = {}) {
  return {ns, hart, task, "a", std::move(candidates)};
}

}  // namespace

TEST_CASE("a decision to continue a hart's task is no change, whatever other harts do") {
  const auto changes = changes_of_task({at(1, 0, 1), at(2, 1, 2), at(3, 0, 1), at(4, 0, 2)});
  REQUIRE(changes.size() == 3);
  CHECK(changes[0] == at(1, 0, 1));
  CHECK(changes[1] == at(2, 1, 2));
  CHECK(changes[2] == at(4, 0, 2));
}

TEST_CASE("a divergence is a difference in the order of tasks, not in their times") {
  const std::vector<Decision> one{at(1, 0, 1), at(2, 1, 2), at(3, 0, 3)};
  CHECK_FALSE(Divergence::of_harts(one, {at(2, 1, 2), at(7, 0, 1), at(8, 0, 3)}));
  CHECK_FALSE(Divergence::of_harts(one, {at(1, 0, 1)}));  // one schedule ends earlier
  const auto parts = Divergence::of_harts(one, {at(1, 0, 1), at(2, 1, 2), at(4, 0, 4)});
  REQUIRE(parts);
  CHECK((parts->now->hart == 0 && parts->place == 1));
  CHECK(parts->before == at(1, 0, 1));
  CHECK(parts->recorded == at(3, 0, 3));
  CHECK(parts->now == at(4, 0, 4));
}

TEST_CASE("of several harts, the first to diverge is reported") {
  const auto parts = Divergence::of_harts({at(5, 0, 1), at(2, 1, 2)}, {at(1, 0, 9), at(1, 1, 9)});
  REQUIRE(parts);
  CHECK(parts->now->hart == 1);
  CHECK_FALSE(parts->before);
}

TEST_CASE("if both tasks are ready in both worlds, a lock's holder is among the reasons") {
  const auto read = read_workload(
      "duration 20ms\nlock l\nclass low\n arrive once\n priority 9\n lock l\n run 4ms\n unlock l\n"
      "class middle\n arrive once at 1ms\n priority 5\n run 3ms\n"
      "class high\n arrive once at 2ms\n priority 1\n lock l\n run 1ms\n unlock l\n",
      nullptr);
  REQUIRE(read);
  const auto simulate_once = [&](Machine::Hook hook) {
    (void)simulate(
        *read, {.machine = {.policy = async::policy::find("priority")}, .hook = std::move(hook)});
  };
  std::vector<Decision> decisions;
  simulate_once(recorder(decisions));
  // At 2 ms the simulator's lock holder continues with its waiter's priority.
  const auto now = std::ranges::find_if(
      decisions, [](const Decision& each) { return each.ns >= 2'000'000 && each.of == "low"; });
  REQUIRE(now != decisions.end());
  Divergence parts{.place = 1, .before = {}, .recorded = *now, .now = *now};
  parts.recorded->task = std::ranges::find(decisions, std::string("middle"), &Decision::of)->task;
  const auto text =
      explain(parts, {"in the kernel", "in the simulator"}, "priority", simulate_once);
  INFO(text);
  CHECK(text.contains("inherited priorities"));
  CHECK(text.contains("priority 1 inherited from a lock's waiter (its own: 9)"));
}

TEST_CASE("a comparison ignores a task that is preempted at the instant at which it was chosen") {
  const auto read = read_workload(
      "duration 20ms\nclass late\n arrive every 9ms from 1ms\n priority 9\n run 2ms\n"
      "class soon\n arrive every 5ms from 5ms\n priority 1\n run 1ms\n",
      nullptr);  // at 10 ms a task of each class arrives, that of `late` first
  REQUIRE(read);
  const auto recorded_by = [&](Machine::Hook (*recorder)(std::vector<Decision>&)) {
    std::vector<Decision> decisions;
    (void)simulate(*read, {.machine = {.policy = async::policy::find("priority")},
                           .hook = recorder(decisions)});
    std::erase_if(decisions, [](const Decision& each) { return each.ns / 1'000'000 != 10; });
    return decisions.size();
  };
  CHECK(recorded_by(recorder) == 2);
  CHECK(recorded_by(recorder_of_runs) == 1);
}

TEST_CASE("the reason of a divergence names the tasks that were ready in each world") {
  const auto why = [](std::vector<std::uint64_t> recorded, std::vector<std::uint64_t> now) {
    const Divergence parts{.place = 0,
                           .before = {},
                           .recorded = at(1, 0, 1, std::move(recorded)),
                           .now = at(2, 0, 2, std::move(now))};
    const Worlds worlds{"in the kernel", "in the simulator"};
    return explain(parts, worlds, "edf", [](const Machine::Hook&) {});
  };
  CHECK(why({1, 2}, {2}).contains("task 1 was ready in the kernel, but is not in the simulator"));
  CHECK(why({1}, {1, 2}).contains("task 2 is ready in the simulator, but was not in the kernel"));
  CHECK(why({1, 2}, {1, 2}).contains("both tasks were ready in both runs: policy edf chose"));
}

TEST_CASE("recordings of the simulator must agree in everything, and a difference is reported") {
  const std::vector<Decision> one{at(1, 0, 1, {1}), at(2, 1, 2, {2})};
  CHECK_FALSE(Divergence::of_all(one, one));
  const auto why = [&](std::vector<Decision> now) {
    const auto parts = Divergence::of_all(one, now);
    REQUIRE(parts);
    CHECK(parts->place == 1);
    return explain(*parts, {"then", "now"}, "edf", [](const Machine::Hook&) {});
  };
  CHECK(why({one[0], at(5, 1, 2, {2})}).contains("the same decision 3 ns later"));
  CHECK(why({one[0], at(2, 0, 2, {2})}).contains("hart 0 decides first now, and hart 1 then"));
  CHECK(why({one[0], at(9, 0, 7, {7})}).contains("now hart 1 makes no decision at 0.000002"));
  CHECK(why({one[0], at(1, 0, 7, {7})}).contains("then hart 0 makes no decision at 0.000001"));
  CHECK(why({one[0], at(2, 1, 3, {3})}).contains("task 2 was ready then, but is not now"));
  CHECK(why({one[0]}).contains("no further decision is made now"));
  CHECK(Divergence::of_all({}, one)->place == 0);
}

TEST_CASE("a recording lists the ready tasks, and is valid without them") {
  Recording recording{.arguments = {"policy=edf"}, .decisions = {at(5, 1, 3, {2, 3}), at(6, 0, 4)}};
  const Recording again = Recording::of_file(recording.to_file());
  CHECK(again.decisions == recording.decisions);
  CHECK(again.decisions[0].candidates == recording.decisions[0].candidates);
  CHECK(again.decisions[1].candidates.empty());
}

TEST_CASE("a damaged or truncated recording is reported with its line") {
  const auto error_of = [](const std::string& text) -> std::string {
    try {
      (void)Recording::of_file(text);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "none";
  };
  const std::string head = "cotrap-schedule 2\npolicy=edf\ndecisions\n";
  CHECK(error_of("cotrap-schedule 1\n") == "1: expected 'cotrap-schedule 2'");
  CHECK(error_of("cotrap-schedule 2\npolicy\ndecisions\n") == "2: expected KEY=VALUE");
  CHECK(error_of(head + "5 1024 3 a\nend 1\n") == "4: not a valid decision");
  CHECK(error_of(head + "5 0 3 a 3 b\nend 1\n") == "4: not a valid decision");
  CHECK(error_of(head + "5 0 3 a 3\nend 2\n") == "5: expected 'end 1', the number of decisions");
  const std::string whole = head + "5 0 3 a 3 14\n6 0 14 a 14\nend 2\n";
  CHECK(error_of(whole) == "none");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto line = std::ranges::count(whole.substr(0, length), '\n') + 1;
    CHECK(error_of(whole.substr(0, length)) == std::to_string(line) + ": the file is cut short");
  }
}
