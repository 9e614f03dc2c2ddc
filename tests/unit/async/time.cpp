#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <random>

#include "support.h"

using namespace async_test;

TEST_CASE_METHOD(Fixture,
                 "sleepers wake in order of their deadlines, equal ones in order of arrival") {
  Log log;
  auto body = [&](std::string who, async::Duration time) -> Task<> {
    co_await async::sleep_for(time);
    log.push_back(who + "@" + std::to_string(world().now));
  };
  async::spawn(body("a", 300ns)).detach();
  async::spawn(body("b", 100ns)).detach();
  async::spawn(body("c", 300ns)).detach();
  async::spawn(body("d", 70us)).detach();
  async::spawn(body("e", 0ns)).detach();
  run();
  CHECK(log == Log{"e@0"});
  async::spawn(body("f", 300ns)).detach();
  advance(1ms);
  CHECK(log == Log{"e@0", "b@100", "a@300", "c@300", "f@300", "d@70000"});
}

TEST_CASE_METHOD(Fixture, "10,000 random sleeps end exactly at their deadlines and in order") {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> ends;
  bool exact = true;
  auto body = [&](async::Instant deadline) -> Task<> {
    co_await async::sleep_until(deadline);
    exact &= async::now() == deadline;
    ends.push_back(world().now);
  };
  std::vector<std::uint64_t> expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t deadline = 1 + random() % (std::uint64_t{1} << (4 + i % 40));
    expected.push_back(deadline);
    async::spawn(body(async::Instant{async::Duration{static_cast<std::int64_t>(deadline)}}))
        .detach();
  }
  std::sort(expected.begin(), expected.end());
  advance(std::chrono::hours(24));
  CHECK(exact);
  CHECK(ends == expected);
}

TEST_CASE_METHOD(Fixture, "timers fire in order when the clock jumps far beyond them") {
  std::mt19937_64 random(3);
  std::vector<int> order;
  std::vector<std::pair<std::uint64_t, int>> expected;
  auto body = [&](int which, std::uint64_t deadline) -> Task<> {
    co_await async::sleep_until(
        async::Instant{async::Duration{static_cast<std::int64_t>(deadline)}});
    order.push_back(which);
  };
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t deadline = 1 + random() % 5'000'000;
    expected.emplace_back(deadline, i);
    async::spawn(body(i, deadline)).detach();
  }
  run();
  std::sort(expected.begin(), expected.end());
  world().now = 10'000'000'000;
  executor.alarm_fired();
  run();
  REQUIRE(order.size() == expected.size());
  CHECK(std::equal(order.begin(), order.end(), expected.begin(),
                   [](int a, auto& b) { return a == b.second; }));
}

namespace {

/// Compares the timer wheel with a list of timers after each of `steps` random steps.
void compare_with_list(int steps) {
  struct Probe : async::Timer {
    Probe() : Timer([](Timer& timer) noexcept { static_cast<Probe&>(timer).fired = true; }) {}
    bool fired = false;
  };
  async::TimerWheel wheel;
  std::mt19937_64 random(11);
  std::vector<Probe> probes(300);
  // From time 0, and across the end of the wheel's range.
  std::uint64_t now = GENERATE(std::uint64_t{0}, (std::uint64_t{1} << 46) - 1'000'000'000'000);
  bool agree = true;
  const auto at = [](std::uint64_t ns) {
    return async::Instant{async::Duration{static_cast<std::int64_t>(ns)}};
  };
  wheel.advance(at(now));
  for (int step = 0; step < steps; ++step) {
    Probe& probe = probes[random() % probes.size()];
    if (probe.armed()) {
      if (random() % 4 == 0) wheel.remove(probe);
    } else {
      probe.fired = false;
      wheel.insert(probe, at(now + random() % (std::uint64_t{1} << (random() % 50))));
    }
    if (random() % 3 != 0) continue;
    async::Instant earliest = async::never;
    for (Probe& each : probes) {
      if (each.armed()) earliest = std::min(earliest, each.deadline());
    }
    agree &= wheel.next() <= earliest;
    agree &= (earliest == async::never) == (wheel.next() == async::never);
    now += random() % (std::uint64_t{1} << (random() % 30));
    std::vector<bool> due;
    for (Probe& each : probes) due.push_back(each.armed() && each.deadline() <= at(now));
    wheel.advance(at(now));
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (due[i]) agree &= probes[i].fired && !probes[i].armed();
      if (!due[i] && probes[i].armed()) agree &= !probes[i].fired;
    }
    if (!agree) break;
  }
  CHECK(agree);
  for (Probe& probe : probes) {
    if (probe.armed()) wheel.remove(probe);
  }
  CHECK(wheel.next() == async::never);
}

}  // namespace

TEST_CASE("the wheel agrees with a sorted list over random arm, disarm and advance steps") {
  compare_with_list(20'000);
}

TEST_CASE("the wheel agrees with a sorted list for 200,000 random steps", "[long]") {
  compare_with_list(200'000);
}

TEST_CASE_METHOD(
    Fixture,
    "the executor sets no alarm without sleepers, and moves it only for earlier deadlines") {
  auto body = [](async::Duration time) -> Task<> { co_await async::sleep_for(time); };
  const std::uint64_t before = world().alarms_set;
  run();
  CHECK(world().alarms_set == before);
  async::spawn(body(1000ns)).detach();
  async::spawn(body(5000ns)).detach();
  run();
  CHECK(world().alarms_set == before + 1);
  CHECK(world().alarm == 1000);
  async::spawn(body(500ns)).detach();
  run();
  CHECK(world().alarm == 500);
  advance(10us);
  CHECK(world().alarm == UINT64_MAX);
}

TEST_CASE_METHOD(Fixture, "an alarm that fires early is harmless") {
  bool woken = false;
  auto body = [&]() -> Task<> {
    co_await async::sleep_for(1000ns);
    woken = true;
  };
  auto handle = async::spawn(body());
  run();
  for (std::uint64_t at : {1, 400, 999}) {
    world().now = at;
    world().alarm = UINT64_MAX;
    executor.alarm_fired();
    executor.alarm_fired();
    run();
    CHECK_FALSE(woken);
    CHECK(world().alarm == 1000);
  }
  advance(1ns);
  CHECK(woken);
}

TEST_CASE_METHOD(Fixture, "an unlimited sleep sets no alarm and ends by cancellation") {
  Log log;
  world().now = 1000;
  auto body = [&](async::Duration time) -> Task<> {
    log.push_back(name(co_await async::sleep_for(time)));
  };
  auto handle = async::spawn(body(async::Duration::max()));
  async::spawn(body(-5ns)).detach();
  run();
  CHECK(log == Log{"woken"});
  CHECK(world().alarm == UINT64_MAX);
  handle.cancel();
  run();
  CHECK(log == Log{"woken", "cancelled"});
}

TEST_CASE_METHOD(Fixture, "waits with deadlines long past time out at the next alarm, in order") {
  world().now = 123'456'789;
  executor.expire(async::now());
  Log log;
  async::WaitList list;
  auto body = [&](std::string who, async::Duration deadline) -> Task<> {
    log.push_back(who + " " + name(co_await list.wait_until(async::Instant{deadline}, "test")));
  };
  async::spawn(body("a", 50ms)).detach();
  async::spawn(body("b", 70ms)).detach();
  async::spawn(body("e", 50ms)).detach();
  async::spawn(body("c", -1ms)).detach();
  async::spawn(body("d", 60ms)).detach();
  advance(0ns);
  CHECK(log == Log{"c timed out", "a timed out", "e timed out", "d timed out", "b timed out"});
}

TEST_CASE_METHOD(Fixture, "a cancelled sleep ends immediately and disarms its timer") {
  Log log;
  auto body = [&]() -> Task<> {
    log.push_back(name(co_await async::sleep_for(1h)));
    log.push_back(name(co_await async::sleep_for(1h)));
  };
  auto handle = async::spawn(body());
  run();
  handle.cancel();
  run();
  CHECK(log == Log{"cancelled", "cancelled"});
  CHECK(handle.done());
  world().alarm = UINT64_MAX;
  executor.alarm_fired();
  run();
  CHECK(world().alarm == UINT64_MAX);  // no timer is left
}
