// Yields: the order of the steps, and when a step that yields hands over to the next one without
// the executor's loop, which calls platform::yield_point() before each step.
#include <string>

#include "async/policy/kinds.h"
#include "support.h"

using namespace async_test;

namespace {

Task<> count_steps(std::uint64_t& steps, std::uint64_t most) {
  while (++steps < most) co_await async::yield();
}

/// How many steps the executor's loop begins while `what` runs.
template <class F>
std::uint64_t steps_of_loop(F what) {
  const std::uint64_t before = world().yield_points;
  what();
  return world().yield_points - before;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "jobs that yield to each other hand over without the executor's loop") {
  for (const int jobs : {1, 2, 3}) {
    Log log, expected;
    for (int i = 0; i < jobs; ++i) {
      async::spawn(log_steps(log, std::to_string(i), 100)).detach();
    }
    for (int i = 0; i < 100 * jobs; ++i) expected.push_back(std::to_string(i % jobs));
    CHECK(steps_of_loop([&] { run(); }) <= 4);
    CHECK(log == expected);
  }
}

TEST_CASE_METHOD(Fixture, "a million yields use no stack") {
  std::uint64_t steps = 0;
  for (int i = 0; i < 3; ++i) async::spawn(count_steps(steps, 1'000'000)).detach();
  run();
  CHECK(steps >= 1'000'000);
}

TEST_CASE_METHOD(Fixture, "a job that yields runs before all less urgent jobs") {
  for (const int urgent : {1, 2, 3}) {
    Log log, expected;
    for (const char* who : {"x", "y"}) {
      async::spawn(log_steps(log, who, 2), {.priority = 20}).detach();
    }
    for (int i = 0; i < urgent; ++i) {
      async::spawn(log_steps(log, std::to_string(i), 3), {.priority = 10}).detach();
    }
    for (int i = 0; i < 3 * urgent; ++i) expected.push_back(std::to_string(i % urgent));
    expected.insert(expected.end(), {"x", "y", "x", "y"});
    run();
    CHECK(log == expected);
  }
}

TEST_CASE_METHOD(Fixture, "a more urgent job that a step wakes runs at its next yield") {
  for (const int equals : {0, 1, 2}) {
    Log log;
    async::Event event;
    auto urgent = [&]() -> Task<> {
      co_await event.wait();
      co_await log_steps(log, "urgent", 2);
    };
    async::spawn(urgent(), {.priority = 5}).detach();
    run();
    auto waker = [&]() -> Task<> {
      event.set();
      co_await log_steps(log, "waker", 2);
    };
    async::spawn(waker(), {.priority = 10}).detach();
    Log expected{"waker", "urgent", "urgent"};
    for (int i = 0; i < equals; ++i) {
      async::spawn(log_steps(log, std::to_string(i), 1), {.priority = 10}).detach();
      expected.push_back(std::to_string(i));
    }
    expected.push_back("waker");
    run();
    CHECK(log == expected);
  }
}

TEST_CASE_METHOD(Fixture, "an interrupt that is pending at a yield is taken before the next step") {
  Log log;
  auto wait_for = [&](std::string who) -> Task<> {
    co_await async::park("device");
    log.push_back(who);
  };
  auto urgent = async::spawn(wait_for("urgent"), {.priority = 5});
  auto equal = async::spawn(wait_for("equal"), {.priority = 10});
  run();
  auto interrupted = [&]() -> Task<> {
    log.push_back("a");
    world().interrupt = [&] {
      log.push_back("interrupt");
      async::Executor::unpark(urgent.job());
      async::Executor::unpark(equal.job());
    };
    co_await log_steps(log, "a", 2);
  };
  async::spawn(interrupted(), {.priority = 10}).detach();
  async::spawn(log_steps(log, "b", 1), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"a", "a", "interrupt", "urgent", "b", "a", "equal"});
}

TEST_CASE_METHOD(Fixture, "a job in the inbox takes its place before the job that yields next") {
  Log log;
  auto sleeper = [&]() -> Task<> {
    co_await async::park("device");
    log.push_back("woken");
  };
  auto parked = async::spawn(sleeper(), {.priority = 5});
  run();
  auto waker = [&]() -> Task<> {
    async::Executor::unpark(parked.job());
    co_await log_steps(log, "a", 2);
  };
  async::spawn(waker(), {.priority = 10}).detach();
  async::spawn(log_steps(log, "b", 1), {.priority = 10}).detach();
  run();
  CHECK(log == Log{"a", "woken", "b", "a"});
}

TEST_CASE_METHOD(Fixture, "a step that sets a trace hook or a policy yields by the loop") {
  static int traced;
  traced = 0;
  auto body = [&]() -> Task<> {
    async::set_trace_hook([](async::TraceEvent event, const async::Job&) {
      if (event == async::TraceEvent::run) ++traced;
    });
    for (int i = 0; i < 10; ++i) co_await async::yield();
    async::set_trace_hook(nullptr);
  };
  finish(body());
  CHECK(traced == 10);

  async::policy::Memory memory;
  auto* const policy = async::policy::find("fifo")->make(memory.bytes, {});
  Log log;
  auto change = [&]() -> Task<> {
    executor.change_policy(policy);
    co_await log_steps(log, "a", 3);
  };
  async::spawn(change()).detach();
  async::spawn(log_steps(log, "b", 3)).detach();
  CHECK(steps_of_loop([&] { run(); }) >= 6);
  CHECK(executor.policy() == policy);
  executor.set_policy(nullptr);
  CHECK(log.size() == 6);
}

TEST_CASE_METHOD(Fixture, "run_one runs one step of a job that yields") {
  Log log;
  for (const char* who : {"a", "b"}) async::spawn(log_steps(log, who, 2)).detach();
  async::Executor::run_one();
  CHECK(log == Log{"a"});
  async::Executor::run_one();
  CHECK(log == Log{"a", "b"});
  run();
  async::spawn(log_steps(log, "c", 2)).detach();
  async::Executor::run_one();  // also after run_until_idle()
  CHECK(log == Log{"a", "b", "a", "b", "c"});
  run();
}

TEST_CASE_METHOD(Fixture,
                 "a step hands over to a preemptible step, and a preemptible step to another one") {
  Log log;
  async::spawn(log_steps(log, "strand", 100)).detach();
  async::spawn_preemptible(log_steps(log, "preemptible", 100), {});
  CHECK(steps_of_loop([&] { run(); }) <= 4);
  CHECK(log.size() == 200);
}
