#include "support.h"

using namespace async_test;

namespace {

std::string graph() {
  std::string text;
  async::print_graph([&](std::string_view piece) { text += piece; });
  return text;
}
bool has(const std::string& text, std::string_view line) {
  return text.find(line) != std::string::npos;
}

}  // namespace

TEST_CASE_METHOD(Fixture,
                 "the graph shows each waiting job, its holder, its reason and its priority") {
  async::Mutex mutex;
  async::Event go;
  auto owner = [&]() -> Task<> {
    auto guard = co_await mutex.lock("inode");
    co_await go.wait("disk");
  };
  auto waiter = [&]() -> Task<> { auto guard = co_await mutex.lock("inode"); };
  auto inner = [&]() -> Task<> { co_await go.wait("deep inside"); };
  auto outer = [&]() -> Task<> { co_await inner(); };
  auto parent = [&]() -> Task<> {
    auto child = async::spawn(outer(), {.name = "child"});
    co_await std::move(child);
  };
  auto a = async::spawn(owner(), {.name = "owner", .priority = 20});
  run();
  auto b = async::spawn(waiter(), {.name = "waiter", .priority = 3});
  auto c = async::spawn(parent(), {.name = "parent"});
  auto d = async::spawn(async::when_all(inner(), inner()), {.name = "all"});
  auto scope = [&]() -> Task<> {
    async::Scope scope;
    scope.spawn(inner(), {.name = "in scope"});
    co_await scope.join("stop");
  };
  auto e = async::spawn(scope(), {.name = "scope"});
  auto sleeper = []() -> Task<> { co_await async::sleep_for(1h, "nap"); };
  auto f = async::spawn(sleeper(), {.name = "sleeper"});
  run();
  auto g = async::spawn(sleeper(), {.name = "not started"});

  const std::string text = graph();
  INFO(text);
  CHECK(has(text, "'owner' priority 3 (own 20), waits: disk\n"));
  CHECK(has(text, "'waiter' priority 3, waits: inode, held by 'owner'\n"));
  CHECK(has(text, "'parent' priority 16, waits: join, the end of 'child'\n"));
  CHECK(has(text, "'child' priority 16, waits: deep inside\n"));
  CHECK(has(text, "'all' priority 16, waits: when_all, the end of 'when_all' 'when_all'\n"));
  CHECK(has(text, "'scope' priority 16, waits: stop, 1 children\n"));
  CHECK(has(text, "'sleeper' priority 16, waits: nap\n"));
  CHECK(has(text, "'not started' priority 16, ready\n"));
  CHECK(has(text, " < 0x"));  // a chain of at least two coroutines

  std::string chain;
  async::print_chain(
      f.job(), [](void* to, std::string_view piece) { *static_cast<std::string*>(to) += piece; },
      &chain);
  CHECK(chain.starts_with("    awaits: 0x"));
  CHECK(has(text, chain));

  go.set();
  f.cancel();
  g.cancel();
  run();
  CHECK(has(graph(), "done, not joined"));
}

TEST_CASE_METHOD(Fixture, "a running job can print the graph") {
  std::string text;
  auto body = [&]() -> Task<> {
    text = graph();
    co_return;
  };
  auto handle = async::spawn(body(), {.name = "me"});
  run();
  CHECK(text == "'me' priority 16, running\n");
}

TEST_CASE_METHOD(Fixture, "the graph shows raises of an interrupt that are not delivered yet") {
  async::Interrupt irq;
  auto serve = [&]() -> Task<> { (void)co_await irq.wait("device"); };
  auto driver = async::spawn(serve(), {.name = "driver"});
  run();
  CHECK(has(graph(), "'driver' priority 16, waits: device\n"));
  irq.raise();
  irq.raise();
  CHECK(has(graph(), "'driver' priority 16, waits: device, undelivered raises: 2\n"));
  run();
}
