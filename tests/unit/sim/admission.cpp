// Admission control: the simulator reports reservations and deadlines that do not fit into the
// harts' time. A refused task takes no time from admitted ones.
#include "admission.h"

#include <catch2/catch_test_macros.hpp>

#include "run.h"
#include "workloads.h"

using namespace async::sim;
using sim_test::workload;

namespace {

Outcome run_harts(const std::string& text, const char* policy, unsigned harts = 1) {
  return simulate(workload(text),
                  {.machine = {.harts = harts, .policy = async::policy::find(policy)}});
}

std::string three(const char* reservation) {
  std::string text = "duration 2s\n";
  for (const char* name : {"a", "b", "c"}) {
    text += "class " + std::string(name) + "\n arrive closed 1\n reserve " + reservation +
            "\n run 40ms\n";
  }
  return text;
}

}  // namespace

TEST_CASE("a reservation without room is refused and reported, and the others remain") {
  const Outcome made = run_harts(three("4ms every 10ms"), "edf");
  REQUIRE(made.unfit.size() == 1);
  CHECK(made.unfit[0] == "admission: 1 of 'c' run without their reservations, which do not fit\n");
  CHECK(made.classes[2].refused == 1);
  CHECK(made.classes[0].finished >= 19);  // 4 ms of every 10 ms, so 20 runs of 40 ms in 2 s
  CHECK(made.classes[1].finished >= 19);
  CHECK(made.classes[2].finished == 10);  // the other 2 ms of every 10 ms
  CHECK(run_harts(three("3.3ms every 10ms"), "edf").unfit.empty());
  CHECK(run_harts(three("4ms every 10ms"), "edf", 2).unfit.empty());
  CHECK(run_harts(three("4ms every 10ms"), "fifo").unfit.empty());  // FIFO promises nothing
}

TEST_CASE("a task without a reservation takes no reserved time, however early its deadline") {
  const std::string rude = "class rude\n arrive closed 1\n deadline 1ms\n run 70ms\n";
  const Outcome modest = run_harts("duration 2s\n" + rude +
                                       "class modest\n arrive every 10ms\n deadline 10ms\n"
                                       " reserve 4ms every 10ms\n run 2ms\n run 2ms\n",
                                   "edf");
  CHECK(modest.classes[1].finished >= 199);
  CHECK(modest.classes[1].missed == 0);
  CHECK(modest.classes[0].finished == 17);  // the rest: 6 of every 10 ms
  // A task that wants more than its reservation gets its reservation in each period, and no more.
  const Outcome greedy = run_harts("duration 2s\n" + rude +
                                       "class greedy\n arrive closed 1\n reserve 4ms every 10ms\n"
                                       " run 40ms\n",
                                   "edf");
  CHECK(greedy.classes[1].finished == 20);
  CHECK(greedy.classes[1].response.largest() <= 100'000'000);
  CHECK(greedy.classes[0].finished == 17);
  // Alone, the task gets all the time.
  const Outcome alone = run_harts(
      "duration 2s\nclass greedy\n arrive closed 1\n"
      " reserve 4ms every 10ms\n run 40ms\n",
      "edf");
  CHECK(alone.classes[0].finished == 50);
}

TEST_CASE("a task that sleeps with its budget used up has a full budget in its next period") {
  const Outcome made = run_harts(
      "duration 2s\nclass rude\n arrive closed 1\n run 70ms\n"
      "class naps\n arrive closed 1\n reserve 4ms every 10ms\n run 4ms\n wait 1ms\n run 4ms\n"
      " wait 1ms\n",
      "edf");
  CHECK(made.classes[1].finished >= 99);
}

TEST_CASE("a task that ends releases its reservation") {
  const Outcome made = run_harts(
      "duration 1s\nclass job\n arrive every 100ms\n reserve 6ms every 10ms\n run 30ms\n", "edf");
  CHECK(made.unfit.empty());
  CHECK(made.classes[0].finished == 10);
}

namespace {

/// Makes a class for each row of (harts, budget in ms of every 10 ms). Returns the names of the
/// refused classes.
std::string refused(const std::vector<std::pair<const char*, int>>& tasks, unsigned harts) {
  std::string text = "duration 50ms\n";
  char name = 'a';
  for (const auto& [on, budget] : tasks) {
    text += "class " + std::string(1, name++) + "\n arrive closed 1\n reserve " +
            std::to_string(budget) + "ms every 10ms\n run 1ms\n";
    if (*on != '\0') text += " on " + std::string(on) + "\n";
  }
  std::string names;
  for (const auto& made : run_harts(text, "edf", harts).classes) {
    if (made.refused != 0) names += made.name;
  }
  return names;
}

/// The number of refused tasks, of two with this reservation on one hart.
std::uint64_t refused_of(const std::string& reservation) {
  const std::string task = "\n arrive closed 1\n " + reservation + "\n run 1ms\n";
  const Outcome made = run_harts("duration 50ms\nclass a" + task + "class b" + task, "edf");
  return made.classes[0].refused + made.classes[1].refused;
}

}  // namespace

TEST_CASE("reservations that exceed the limit by a nanosecond are refused") {
  CHECK(refused_of("reserve 5ms every 10ms") == 0);
  CHECK(refused_of("reserve 5000001ns every 10ms") == 1);
}

TEST_CASE("a task bound to one hart must fit on that hart, whatever room others have") {
  CHECK(refused({{"0", 6}, {"0", 5}}, 2) == "b");
  CHECK(refused({{"0", 6}, {"1", 5}}, 2) == "");
  CHECK(refused({{"0", 9}, {"1", 9}, {"1", 1}, {"1", 1}}, 2) == "d");
  CHECK(refused({{"0 1", 6}, {"0 1", 6}}, 1) == "b");  // only existing harts count
}

TEST_CASE("tasks of several harts are admitted up to the bound of global EDF") {
  // U <= 2 - U_max: the sum and the largest of the shares, on two harts (async/sim/admission.h)
  CHECK(refused({{"", 5}, {"", 5}, {"", 5}}, 2) == "");
  CHECK(refused({{"", 5}, {"", 5}, {"", 5}, {"", 1}}, 2) == "d");
  CHECK(refused({{"", 9}, {"", 3}}, 2) == "b");  // 1.2 > 2 - 0.9
  CHECK(refused({{"", 9}, {"", 2}}, 2) == "");
  // Tasks that may run on only one of the harts take their shares from the limit (admission.h).
  CHECK(refused({{"0", 6}, {"", 5}, {"", 5}}, 2) == "c");
  CHECK(refused({{"", 5}, {"", 5}, {"0", 6}}, 2) == "c");
  CHECK(refused({{"2", 9}, {"0 1", 5}, {"0 1", 5}, {"0 1", 5}}, 3) == "");
}

TEST_CASE("deadlines that no schedule can meet are reported before the first miss") {
  const auto of = [](const char* period) {
    return "duration 100ms\nclass a\n arrive every 10ms\n deadline 10ms\n run uniform 3ms 5ms\n"
           "class b\n arrive every " +
           std::string(period) + "\n deadline 50ms\n repeat 3\n  run 2ms\n end\n";
  };
  CHECK(run_harts(of("10ms"), "edf").unfit.empty());
  const Outcome made = run_harts(of("9ms"), "edf");
  REQUIRE(made.unfit.size() == 1);
  CHECK(made.unfit[0].starts_with("admission: the tasks with deadlines would keep 1.06"));
  const auto bound = [&](const char* harts) {
    return run_harts(
               "duration 100ms\nclass a\n arrive every 10ms\n deadline 10ms\n run 6ms\n on 1\n"
               "class b\n arrive every 10ms\n deadline 10ms\n run 6ms\n on " +
                   std::string(harts) + "\n",
               "edf", 3)
        .unfit;
  };
  CHECK(bound("0 1").empty());
  CHECK(bound("2").empty());
  CHECK(bound("1") ==
        std::vector<std::string>{"admission: the tasks with deadlines would keep 1.200000 "
                                 "harts busy, but may run only on hart 1\n"});
}
