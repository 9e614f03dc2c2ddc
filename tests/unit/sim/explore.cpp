// Exploration runs every schedule, or one of each group of equivalent schedules, and writes
// schedules as text.
#include "explore.h"

#include <set>

#include "async/async.h"
#include "run_once.h"

using namespace sim_test;
using async::sim::Director;
using async::sim::Exploration;

namespace {

struct Order {
  std::string text;
};
std::set<std::string>* orders;

std::string note(Order& order) {
  orders->insert(order.text);
  return "";
}

Task<> write_twice(Order& order, char who) {
  order.text += who;
  co_await async::yield();
  order.text += who;
}
void two_jobs(Bench& bench, Order& order) {
  bench.start(0, [&] {
    bench.spawn(write_twice(order, 'a'));
    bench.spawn(write_twice(order, 'b'));
  });
}

/// Three jobs of three steps each. Only the middle steps, which write to the text, depend on each
/// other.
Task<> mostly_alone(Order& order, unsigned who) {
  async::sim::touch(100 + who);
  co_await async::yield();
  async::sim::touch(1);
  order.text += static_cast<char>('a' + who);
  co_await async::yield();
  async::sim::touch(100 + who);
}
void three_jobs(Bench& bench, Order& order) {
  bench.start(0, [&] {
    for (unsigned who = 0; who < 3; ++who) bench.spawn(mostly_alone(order, who));
  });
}

std::pair<Exploration, std::set<std::string>> all_of(void (*set_up)(Bench&, Order&), bool reduces) {
  std::set<std::string> found;
  orders = &found;
  auto made = Exploration::depth_first({.bound = 100, .reduces = reduces},
                                       [=] { return run_once(set_up, note); });
  return {made, found};
}

}  // namespace

TEST_CASE("with a high enough bound the exploration tries every schedule") {
  for (const bool reduces : {false, true}) {
    const auto [made, found] = all_of(two_jobs, reduces);
    CHECK(made.is_whole);
    CHECK(found == std::set<std::string>{"aabb", "abab", "abba", "baab", "baba", "bbaa"});
  }
}

TEST_CASE("schedules that differ only in independent steps are tried once") {
  const auto [all, found] = all_of(three_jobs, false);
  const auto [few, the_same] = all_of(three_jobs, true);
  CHECK(all.is_whole);
  CHECK(few.is_whole);
  CHECK(found == std::set<std::string>{"abc", "acb", "bac", "bca", "cab", "cba"});
  CHECK(the_same == found);
  // Summed over all bounds, up to the first that excludes no schedule.
  CHECK(all.schedules == 11'760);
  CHECK(few.schedules == 2'472);
}

TEST_CASE("alarms due at one time fire in every order with other events of that time") {
  static std::set<std::string> found;
  found.clear();
  struct Times {
    std::string text;
  };
  const auto made = Exploration::depth_first({.bound = 10}, [] {
    return run_once<Times>(
        [](Bench& bench, Times& times) {
          static constexpr auto sleeps = [](Times& times, char who) -> Task<> {
            co_await async::sleep_for(1ms);
            times.text += who;
          };
          bench.start(0, [&] {
            bench.spawn(sleeps(times, 'a'));
            bench.spawn(sleeps(times, 'b'));
          });
          bench.machine.at(ns(1ms), 0, [&times] { times.text += '!'; });
        },
        [](Times& times) {
          found.insert(times.text);
          return std::string();
        });
  });
  CHECK(made.is_whole);
  CHECK(found == std::set<std::string>{"!ab", "a!b", "ab!", "!ba", "b!a", "ba!"});
}

TEST_CASE("a failing schedule is shrunk to the choices that it needs") {
  // Fails if b writes before a, whatever the rest of the schedule.
  const auto wrong_way_round = [](Order& order) {
    return std::string(order.text.find('b') < order.text.find('a') ? "b before a" : "");
  };
  const Exploration::Run run = [=] { return run_once<Order>(three_jobs, wrong_way_round); };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto made = Exploration::at_random({.seed = seed}, run);
    INFO(made.schedule);
    CHECK(made.failure == "b before a");
    CHECK(std::ranges::count(made.schedule, ':') == 1);
  }
}

TEST_CASE("a seed that failed fails again at once, whatever seeds came before") {
  const Exploration::Run rarely = [] {
    return run_once<Order>(three_jobs, [](Order& order) {
      return std::string(order.text == "cba" ? "backwards" : "");
    });
  };
  std::vector<std::uint64_t> seeds;
  Exploration::RandomOptions options{
      .depth = 2, .begin_seed = [&](std::uint64_t seed) { seeds.push_back(seed); }};
  for (; options.seed <= 200; options.seed += 20) {
    seeds.clear();
    const auto found = Exploration::at_random(options, rarely);
    REQUIRE(found.failure == "backwards");
    CHECK(seeds.front() == options.seed);
    CHECK(seeds.back() == found.seed);
    const auto again = Exploration::at_random({.depth = 2, .seed = found.seed}, rarely);
    CHECK(again.schedules <= 2);
    CHECK(again.seed == found.seed);
    CHECK(again.schedule == found.schedule);
  }
}

TEST_CASE("a run in which time stops is ended and reported") {
  const std::string wrong = run_once<Order>(
      [](Bench& bench, Order& order) {
        static constexpr auto waits = [](Order& order) -> Task<> {
          while (order.text.empty() && !async::is_cancelled()) co_await async::yield();
        };
        bench.start(0, [&] { bench.spawn(waits(order)); });
      },
      nothing<Order>);
  CHECK(wrong.starts_with("stall: steps run, but virtual time does not advance\n'job'"));
}

TEST_CASE("text that is no schedule is rejected") {
  for (const char* text : {"x", "1", "1:", ":1", "1:2x", "5:1,3:1", "3:1,3:1", "1;2"}) {
    INFO(text);
    CHECK_FALSE(Director::of(text));
  }
  CHECK(Director::of(""));
  CHECK(Director::of("0:1,7:2"));
}
