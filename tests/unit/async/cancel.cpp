#include "support.h"

using namespace async_test;
using async::TimedOut;

TEST_CASE_METHOD(Fixture, "cancel ends the current wait exactly once and each later wait at once") {
  async::WaitList list;
  async::Event on(true);
  async::Semaphore permits(1);
  async::Channel<int, 1> channel;
  Log log;
  auto body = [&]() -> Task<> {
    log.push_back(name(co_await list.wait("a")));
    CHECK(async::is_cancelled());
    log.push_back(name(co_await list.wait("b")));
    log.push_back(name(co_await on.wait()));
    log.push_back(name(co_await permits.acquire()));
    log.push_back(name(co_await channel.send(1)));
    log.push_back(name((co_await channel.receive()).error()));
    log.push_back(name(co_await async::park("c")));
    co_await async::yield();  // not a cancellation point
    log.push_back("end");
  };
  auto handle = async::spawn(body());
  run();
  handle.cancel();
  handle.cancel();
  CHECK(list.empty());
  run();
  CHECK(log == Log{"cancelled", "cancelled", "cancelled", "cancelled", "cancelled", "cancelled",
                   "cancelled", "end"});
  CHECK(permits.permits() == 1);
}

TEST_CASE_METHOD(
    Fixture, "a job cancelled before its first step runs, and its first wait returns cancelled") {
  async::WaitList list;
  Log log;
  auto handle = async::spawn(wait_and_log(list, log, "a"));
  handle.cancel();
  run();
  CHECK(log == Log{"a cancelled"});
}

TEST_CASE_METHOD(Fixture, "the earlier of cancel and wake decides, and the later changes nothing") {
  async::WaitList list;
  Log log;
  SECTION("wake first") {
    auto a = async::spawn(wait_and_log(list, log, "a"));
    auto b = async::spawn(wait_and_log(list, log, "b"));
    run();
    CHECK(list.wake_one());
    a.cancel();
    run();
    CHECK(log == Log{"a woken"});
    CHECK_FALSE(b.done());
    list.wake_one();
    run();
  }
  SECTION("cancel first") {
    auto a = async::spawn(wait_and_log(list, log, "a"));
    auto b = async::spawn(wait_and_log(list, log, "b"));
    run();
    a.cancel();
    CHECK(list.wake_one());  // wakes b
    run();
    CHECK(log == Log{"a cancelled", "b woken"});
  }
}

TEST_CASE_METHOD(
    Fixture, "every interleaving of wake, cancel, timeout and steps ends each wait exactly once") {
  // `code` is a sequence of six actions: six digits to base 4, one digit for each action.
  int sequences = 0;
  for (int code = 0; code < 4 * 4 * 4 * 4 * 4 * 4; ++code, ++sequences) {
    async::WaitList list;
    int ends = 0;
    int woken = 0;
    auto body = [&]() -> Task<> {
      for (int i = 0; i < 2; ++i) {
        const auto result = co_await list.wait_until(async::now() + 10ns, "test");
        ++ends;
        woken += result == WaitResult::woken;
      }
    };
    auto handle = async::spawn(body());
    run();
    int wakes = 0;
    int rest = code;
    for (int i = 0; i < 6; ++i, rest /= 4) {
      switch (rest % 4) {
        case 0: wakes += list.wake_one(); break;
        case 1: handle.cancel(); break;
        case 2:
          world().now += 10;
          world().alarm = UINT64_MAX;
          executor.alarm_fired();
          break;
        case 3: executor.run_one(); break;
      }
    }
    handle.cancel();
    run();
    if (!handle.done() || ends != 2 || woken != wakes || !list.empty()) FAIL("sequence " << code);
    world().alarm = UINT64_MAX;
  }
  CHECK(sequences == 4096);
}

TEST_CASE_METHOD(Fixture,
                 "a shield defers cancellation to the end of its scope, and shields nest") {
  async::WaitList list;
  Log log;
  auto body = [&]() -> Task<> {
    {
      async::Shield outer;
      {
        async::Shield inner;
      }
      log.push_back(name(co_await list.wait("shielded")));
      CHECK(async::is_cancelled());
      log.push_back(name(co_await list.wait("shielded")));
    }
    log.push_back(name(co_await list.wait("open")));
  };
  auto handle = async::spawn(body());
  run();
  handle.cancel();
  run();
  CHECK(log.empty());
  list.wake_one();
  run();
  list.wake_one();
  run();
  CHECK(log == Log{"woken", "woken", "cancelled"});
}

TEST_CASE_METHOD(Fixture, "a cancelled join cancels the joined job and waits for its end") {
  async::WaitList list;
  Log log;
  auto parent = [&]() -> Task<> {
    co_await async::spawn(wait_and_log(list, log, "child"));
    log.push_back("parent joined");
  };
  auto handle = async::spawn(parent());
  run();
  handle.cancel();
  run();
  CHECK(log == Log{"child cancelled", "parent joined"});
}

TEST_CASE_METHOD(Fixture, "a job that is already cancelled cancels each job that it joins") {
  async::WaitList list;
  Log log;
  auto parent = [&]() -> Task<> { co_await async::spawn(wait_and_log(list, log, "child")); };
  auto handle = async::spawn(parent());
  handle.cancel();
  run();
  CHECK(handle.done());
  CHECK(log == Log{"child cancelled"});
}

TEST_CASE_METHOD(Fixture,
                 "with_deadline returns the result in time, or TimedOut after it ended a wait") {
  auto body = [&]() -> Task<> {
    auto slow = []() -> Task<int> {
      CHECK(co_await async::sleep_for(100ns) == WaitResult::timed_out);
      CHECK(co_await async::sleep_for(100ns) == WaitResult::timed_out);
      co_return 1;
    };
    auto fast = []() -> Task<int> {
      CHECK(co_await async::sleep_for(10ns) == WaitResult::woken);
      co_return 2;
    };
    auto late = co_await async::with_deadline(async::now() + 50ns, slow());
    CHECK(late.error() == TimedOut{});
    CHECK(async::now().time_since_epoch() == 50ns);
    CHECK(*co_await async::with_deadline(async::now() + 50ns, fast()) == 2);
    CHECK_FALSE(async::is_cancelled());
    // A deadline has no effect after its with_deadline() has returned, even if it passes later.
    CHECK(co_await async::sleep_for(500ns) == WaitResult::woken);
    auto over_all_the_same = []() -> Task<int> {
      CHECK(co_await async::sleep_for(100ns) == WaitResult::timed_out);
      async::DeadlineScope::forget_cut();
      co_return 3;
    };
    CHECK(*co_await async::with_deadline(async::now() + 50ns, over_all_the_same()) == 3);
    auto nothing = []() -> Task<> { co_await async::sleep_for(1ns); };
    CHECK((co_await async::with_deadline(async::now() + 5ns, nothing())).has_value());
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
}

TEST_CASE_METHOD(Fixture, "a task that does not wait after its deadline keeps its result") {
  auto body = []() -> Task<int> {
    world().now += 100;
    co_await async::yield();
    co_return 3;
  };
  auto handle = async::spawn(async::with_deadline(async::now() + 50ns, body()));
  executor.run_one();
  executor.alarm_fired();
  run();
  CHECK(*std::move(handle).get() == 3);
}

TEST_CASE_METHOD(Fixture, "nested deadlines report TimedOut each for itself, in any order") {
  Log log;
  auto nested = [&](async::Duration outer, async::Duration inner) -> Task<> {
    auto sleep = []() -> Task<> { co_await async::sleep_for(1ms); };
    auto middle = [&]() -> Task<> {
      auto result = co_await async::with_deadline(async::now() + inner, sleep());
      log.push_back(result ? "inner in time" : "inner timed out");
      log.push_back(name(co_await async::sleep_for(10ns)));
    };
    auto result = co_await async::with_deadline(async::now() + outer, middle());
    log.push_back(result ? "outer in time" : "outer timed out");
  };
  auto first = async::spawn(nested(100ns, 50ns));
  advance(1ms);
  CHECK(log == Log{"inner timed out", "woken", "outer in time"});
  log.clear();
  auto second = async::spawn(nested(50ns, 100ns));
  advance(1ms);
  CHECK(log == Log{"inner in time", "timed out", "outer timed out"});
}

TEST_CASE_METHOD(Fixture, "the job's own cancellation passes through a deadline") {
  async::WaitList list;
  Log log;
  auto inner = [&]() -> Task<> { log.push_back(name(co_await list.wait("x"))); };
  auto body = [&]() -> Task<> {
    auto result = co_await async::with_deadline(async::now() + 1ms, inner());
    log.push_back(result ? "in time" : "timed out");
  };
  auto handle = async::spawn(body());
  run();
  handle.cancel();
  run();
  CHECK(log == Log{"cancelled", "in time"});
  CHECK(handle.done());
}

TEST_CASE_METHOD(Fixture, "a deadline over a join cancels the joined job") {
  async::WaitList list;
  Log log;
  auto body = [&]() -> Task<> {
    auto join = [&]() -> Task<> { co_await async::spawn(wait_and_log(list, log, "child")); };
    auto result = co_await async::with_deadline(async::now() + 10ns, join());
    log.push_back(result ? "in time" : "timed out");
  };
  auto handle = async::spawn(body());
  advance(10ns);
  CHECK(log == Log{"child cancelled", "timed out"});
}
