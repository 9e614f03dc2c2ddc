#include <array>

#include "support.h"

using namespace async_test;
using async::Key;

TEST_CASE_METHOD(Fixture, "waiters wake in order of priority, and equal ones in order of arrival") {
  async::WaitList list;
  Log log;
  const std::pair<const char*, int> waiters[] = {
      {"a9", 9}, {"b3", 3}, {"c9", 9}, {"d0", 0}, {"e3", 3}};
  for (auto [who, priority] : waiters) {
    async::spawn(wait_and_log(list, log, who), {.priority = static_cast<std::uint8_t>(priority)})
        .detach();
    run();
  }
  while (list.wake_one()) run();
  CHECK(log == Log{"d0 woken", "b3 woken", "e3 woken", "a9 woken", "c9 woken"});
}

TEST_CASE_METHOD(Fixture,
                 "a keyed waiter is inserted before, between and behind others by its priority") {
  async::WaitList list;
  Log log;
  auto body = [&](std::string who) -> Task<> {
    log.push_back(who + " " + name(co_await list.wait_keyed({1, 1}, "futex")));
  };
  const std::pair<const char*, int> waiters[] = {{"a9", 9},   {"b9", 9}, {"c20", 20}, {"d3", 3},
                                                 {"e15", 15}, {"f9", 9}, {"g3", 3},   {"h31", 31}};
  for (auto [who, priority] : waiters) {
    async::spawn(body(who), {.priority = static_cast<std::uint8_t>(priority)}).detach();
    run();
  }
  while (list.wake_one()) run();
  CHECK(log == Log{"d3 woken", "g3 woken", "a9 woken", "b9 woken", "f9 woken", "e15 woken",
                   "c20 woken", "h31 woken"});
}

TEST_CASE_METHOD(Fixture, "a wake makes a job ready and does not run it") {
  async::WaitList list;
  Log log;
  auto handle = async::spawn(wait_and_log(list, log, "a"));
  run();
  CHECK(list.wake_one());
  CHECK(log.empty());
  CHECK_FALSE(list.wake_one());
  run();
  CHECK(log == Log{"a woken"});
}

TEST_CASE_METHOD(Fixture, "wake_all wakes every job that waits at that moment") {
  async::WaitList list;
  Log log;
  for (const char* who : {"a", "b", "c"}) async::spawn(wait_and_log(list, log, who)).detach();
  run();
  CHECK(list.wake_all() == 3);
  CHECK(list.wake_all() == 0);
  run();
  CHECK(log == Log{"a woken", "b woken", "c woken"});
}

TEST_CASE_METHOD(Fixture, "a waiting job changes its place in the list with its priority") {
  async::WaitList list;
  Log log;
  auto a = async::spawn(wait_and_log(list, log, "a"), {.priority = 10});
  auto b = async::spawn(wait_and_log(list, log, "b"), {.priority = 10});
  run();
  executor.set_priority(b.job(), 2);
  list.wake_one();
  run();
  CHECK(log == Log{"b woken"});
  list.wake_one();
  run();
}

TEST_CASE_METHOD(Fixture,
                 "keyed waiters are found by key and bits, moved, and reordered by priority") {
  async::WaitList list;
  async::WaitList other;
  Log log;
  auto body = [&](std::string who, Key key) -> Task<> {
    log.push_back(who + " " + name(co_await list.wait_keyed(key, "futex")));
  };
  auto value_is = [](std::uintptr_t value) { return [=](Key key) { return key.value == value; }; };
  async::spawn(body("a", {1, 1})).detach();
  async::spawn(body("b", {2, 2})).detach();
  async::spawn(body("c", {1, 2})).detach();
  auto d = async::spawn(body("d", {1, 4}));
  run();
  CHECK(list.wake_some(10, [](Key key) { return key.value == 1 && (key.bits & 2) != 0; }) == 1);
  run();
  CHECK(log == Log{"c woken"});

  executor.set_priority(d.job(), 1);
  CHECK(list.wake_some(1, value_is(1)) == 1);
  run();
  CHECK(log == Log{"c woken", "d woken"});

  async::spawn(body("e", {1, 1})).detach();
  run();
  CHECK(list.move_some(5, list, 1, value_is(1)) == 2);
  CHECK(list.move_some(5, other, 7, value_is(1)) == 2);
  CHECK(list.wake_some(5, value_is(1)) == 0);
  CHECK(other.wake_some(5, value_is(7)) == 2);
  CHECK(list.wake_some(5, value_is(2)) == 1);
  run();
  CHECK(log.size() == 5);
}

TEST_CASE_METHOD(Fixture, "keyed waiters are distributed over lists and keep their order") {
  async::WaitList list;
  std::array<async::WaitList, 2> parts;
  Log log;
  auto body = [&](std::string who, std::uintptr_t value) -> Task<> {
    log.push_back(who + " " + name(co_await list.wait_keyed({value, 1}, "futex")));
  };
  async::spawn(body("a", 2), {.priority = 9}).detach();
  async::spawn(body("b", 1), {.priority = 9}).detach();
  async::spawn(body("c", 4), {.priority = 9}).detach();
  auto d = async::spawn(body("d", 3), {.priority = 9});
  async::spawn(body("e", 6), {.priority = 3}).detach();
  async::spawn(wait_and_log(list, log, "without a key"), {.priority = 9}).detach();
  run();
  list.distribute([&](Key key) -> async::WaitList& { return parts[key.value % 2]; });

  CHECK(list.wake_all() == 1);
  run();
  CHECK(parts[0].wake_all() == 3);
  run();
  CHECK(log == Log{"without a key woken", "e woken", "a woken", "c woken"});

  log.clear();
  executor.set_priority(d.job(), 1);  // finds the job in its new list
  CHECK(parts[1].wake_some(1, [](Key) { return true; }) == 1);
  run();
  CHECK(parts[1].wake_all() == 1);
  run();
  CHECK(log == Log{"d woken", "b woken"});
}

TEST_CASE_METHOD(Fixture,
                 "a deadline or a cancellation ends a keyed wait and removes it from the list") {
  async::WaitList list;
  Log log;
  auto body = [&](async::Instant deadline) -> Task<> {
    log.push_back(name(co_await list.wait_keyed_until(deadline, {1, 1}, "futex")));
  };
  async::spawn(body(async::now() + 5ns)).detach();
  auto cancelled = async::spawn(body(async::never));
  advance(5ns);
  CHECK(log == Log{"timed out"});
  cancelled.cancel();
  run();
  CHECK(log == Log{"timed out", "cancelled"});
  CHECK(list.empty());
}

TEST_CASE_METHOD(Fixture, "an entry with an ended wait consumes no wake") {
  async::WaitList list;
  Log log;
  auto body = [&](std::string who) -> Task<> {
    log.push_back(who + " " + name(co_await list.wait_keyed({1, 1}, "futex")));
  };
  auto a = async::spawn(body("a"));
  auto b = async::spawn(body("b"));
  run();
  a.cancel();  // a is ready now, its entry still in the list
  CHECK(list.wake_some(1, [](Key) { return true; }) == 1);
  run();
  CHECK(log == Log{"a cancelled", "b woken"});
}

TEST_CASE_METHOD(Fixture, "a wait with a deadline returns woken before it and timed_out at it") {
  async::WaitList list;
  Log log;
  auto body = [&](async::Duration after) -> Task<> {
    log.push_back(name(co_await list.wait_until(async::now() + after, "test")));
  };
  async::spawn(body(10ns)).detach();
  async::spawn(body(20ns)).detach();
  advance(9ns);
  CHECK(list.wake_one());
  advance(11ns);
  CHECK(log == Log{"woken", "timed out"});
  CHECK(list.empty());
  CHECK_FALSE(list.wake_one());
}
