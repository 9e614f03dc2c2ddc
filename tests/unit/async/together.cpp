#include "support.h"

using namespace async_test;

namespace {

Task<int> after(async::Duration time, int value, Log* log = nullptr) {
  const WaitResult result = co_await async::sleep_for(time);
  if (log != nullptr) log->push_back(std::to_string(value) + " " + name(result));
  co_return value;
}
Task<> just_sleep(async::Duration time) {
  co_await async::sleep_for(time);
}

}  // namespace

TEST_CASE_METHOD(Fixture, "when_all runs its tasks concurrently and returns all results") {
  auto body = []() -> Task<> {
    auto [a, nothing, b] =
        co_await async::when_all(after(30ns, 1), just_sleep(50ns), after(20ns, 2));
    CHECK(a == 1);
    CHECK(b == 2);
    CHECK(async::now().time_since_epoch() == 50ns);
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
}

TEST_CASE_METHOD(
    Fixture,
    "when_any returns the first result after the other tasks were cancelled and have ended") {
  Log log;
  auto stubborn = [&]() -> Task<int> {
    co_await async::sleep_for(1ms);
    async::Shield shield;
    co_await async::sleep_for(5ns);
    log.push_back("stubborn ended");
    co_return 3;
  };
  auto body = [&]() -> Task<> {
    auto result = co_await async::when_any(after(30ns, 1, &log), after(20ns, 2, &log), stubborn());
    CHECK(result.index() == 1);
    CHECK(std::get<1>(result) == 2);
    log.push_back("returned");
    CHECK(async::now().time_since_epoch() == 25ns);
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
  CHECK(log == Log{"2 woken", "1 cancelled", "stubborn ended", "returned"});
}

TEST_CASE_METHOD(Fixture, "when_any returns the first task's result if no task waits") {
  auto body = []() -> Task<> {
    auto now = [](int value) -> Task<int> { co_return value; };
    auto result = co_await async::when_any(now(5), now(6));
    CHECK(result.index() == 0);
    CHECK(std::get<0>(result) == 5);
  };
  finish(body());
}

TEST_CASE_METHOD(Fixture, "a cancelled wait for several tasks cancels all of them at once") {
  Log log;
  auto body = [&]() -> Task<> {
    co_await async::when_all(after(1ms, 1, &log), after(2ms, 2, &log), after(3ms, 3, &log));
    log.push_back("all");
  };
  auto handle = async::spawn(body());
  run();
  handle.cancel();
  run();
  CHECK(log == Log{"1 cancelled", "2 cancelled", "3 cancelled", "all"});

  log.clear();
  auto early = async::spawn(body());
  early.cancel();  // before the job has started
  run();
  CHECK(log.size() == 4);

  log.clear();
  auto any = [&]() -> Task<> {
    co_await async::when_any(after(1ms, 1, &log), after(2ms, 2, &log));
  };
  auto handle_any = async::spawn(any());
  run();
  handle_any.cancel();
  run();
  CHECK(log == Log{"1 cancelled", "2 cancelled"});
}

TEST_CASE_METHOD(Fixture, "a deadline over when_all cancels its tasks and returns TimedOut") {
  Log log;
  auto body = [&]() -> Task<> {
    auto result = co_await async::with_deadline(
        async::now() + 10ns, async::when_all(after(1ms, 1, &log), after(5ns, 2, &log)));
    CHECK_FALSE(result.has_value());
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
  CHECK(log == Log{"2 woken", "1 cancelled"});
}

TEST_CASE_METHOD(Fixture, "a scope ends with its last child, including children of children") {
  Log log;
  auto body = [&]() -> Task<> {
    co_await async::with_scope([&](async::Scope& scope) -> Task<> {
      auto child = [](async::Scope& scope, Log& log, int depth, auto& self) -> Task<> {
        co_await async::sleep_for(10ns);
        log.push_back("depth " + std::to_string(depth));
        if (depth < 3) scope.spawn(self(scope, log, depth + 1, self), {.name = "child"});
      };
      scope.spawn(child(scope, log, 1, child));
      CHECK(scope.children() == 1);
      co_return;
    });
    log.push_back("left");
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
  CHECK(log == Log{"depth 1", "depth 2", "depth 3", "left"});
}

TEST_CASE_METHOD(
    Fixture, "cancellation of a scope or of its waiting job reaches running and future children") {
  async::WaitList list;
  Log log;
  SECTION("by the scope") {
    auto body = [&]() -> Task<> {
      async::Scope scope;
      scope.spawn(wait_and_log(list, log, "b"));
      co_await async::yield();
      scope.spawn(wait_and_log(list, log, "a"));  // ready, not started
      scope.cancel();
      scope.spawn(wait_and_log(list, log, "c"));
      co_await scope.join();
      log.push_back("left");
    };
    finish(body());
  }
  SECTION("by a job that is cancelled before it waits") {
    auto body = [&]() -> Task<> {
      async::Scope scope;
      for (const char* who : {"a", "b", "c"}) scope.spawn(wait_and_log(list, log, who));
      co_await async::yield();
      async::current_job().cancel();
      co_await scope.join();
      log.push_back("left");
    };
    finish(body());
  }
  SECTION("by the waiting job") {
    auto body = [&]() -> Task<> {
      async::Scope scope;
      for (const char* who : {"a", "b", "c"}) scope.spawn(wait_and_log(list, log, who));
      co_await scope.join();
      log.push_back("left");
    };
    auto handle = async::spawn(body());
    run();
    handle.cancel();
    run();
    CHECK(handle.done());
  }
  CHECK(log == Log{"a cancelled", "b cancelled", "c cancelled", "left"});
}

TEST_CASE_METHOD(Fixture, "a scope of 1,000 children ends once") {
  int ended = 0;
  auto child = [&](int i) -> Task<> {
    co_await async::sleep_for(async::Duration(i % 17));
    ++ended;
  };
  auto body = [&]() -> Task<> {
    async::Scope scope;
    for (int i = 0; i < 1000; ++i) scope.spawn(child(i));
    co_await scope.join();
    CHECK(ended == 1000);
  };
  auto handle = async::spawn(body());
  advance(1us);
  CHECK(handle.done());
}
