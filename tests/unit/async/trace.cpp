#include "support.h"

using namespace async_test;

TEST_CASE_METHOD(Fixture, "trace points report spawn, run, yield, wait, wake and done in order") {
  static std::vector<async::TraceEvent> events;
  events.clear();
  async::set_trace_hook(
      [](async::TraceEvent event, const async::Job&) { events.push_back(event); });
  async::WaitList list;
  Log log;
  auto yield_first = [&]() -> Task<> {
    co_await async::yield();
    co_await wait_and_log(list, log, "a");
  };
  auto handle = async::spawn(yield_first());
  run();
  list.wake_one();
  run();
  async::set_trace_hook(nullptr);
  using enum async::TraceEvent;
  CHECK(events == std::vector<async::TraceEvent>{spawn, run, yield, run, wait, wake, run, done});
}

TEST_CASE_METHOD(Fixture, "the trace of a join does not access a list that an earlier wait used") {
  static std::vector<std::string> events;
  events.clear();
  async::set_trace_hook([](async::TraceEvent event, const async::Job& job) {
    const char* const names[] = {"spawn", "wake", "run", "wait", "yield", "", "", "done"};
    events.push_back(names[static_cast<int>(event)] + std::string(" ") + job.name());
  });
  auto list = std::make_unique<async::WaitList>();
  auto child = []() -> Task<int> { co_return 7; };
  auto body = [&]() -> Task<int> {
    co_await list->wait("test");
    list.reset();
    co_return co_await async::spawn(child(), {.name = "child"});
  };
  auto handle = async::spawn(body(), {.name = "parent"});
  run();
  list->wake_one();
  run();
  async::set_trace_hook(nullptr);
  CHECK(events == Log{"spawn parent", "run parent", "wait parent", "wake parent", "run parent",
                      "spawn child", "wait parent", "run child", "done child", "wake parent",
                      "run parent", "done parent"});
  CHECK(std::move(handle).get() == 7);
}
