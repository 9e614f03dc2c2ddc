#include "support.h"

using namespace async_test;

TEST_CASE_METHOD(Fixture,
                 "a multiple wait ends with the first wake and consumes no wake of other jobs") {
  async::WaitList lists[3];
  Log log;
  auto poll = [&]() -> Task<> {
    async::MultiWait wait;
    async::Observer entries[3];
    for (int i = 0; i < 3; ++i) wait.watch(entries[i], lists[i]);
    log.push_back(std::string("poll ") + name(co_await wait.until(async::now() + 50ns, "poll")));
  };
  async::spawn(poll()).detach();
  run();
  async::spawn(wait_and_log(lists[1], log, "reader")).detach();
  run();
  CHECK(lists[1].wake_one());  // wakes the reader, and the observer too
  run();
  CHECK(log == Log{"poll woken", "reader woken"});
  for (auto& list : lists) CHECK(list.empty());

  async::spawn(poll()).detach();
  advance(50ns);
  CHECK(log.back() == "poll timed out");
  for (auto& list : lists) CHECK(list.empty());

  auto cancelled = async::spawn(poll());
  run();
  CHECK_FALSE(lists[0].empty());
  cancelled.cancel();
  run();
  CHECK(log.back() == "poll cancelled");
  for (auto& list : lists) CHECK(list.empty());
}

TEST_CASE_METHOD(Fixture, "a stopped observer is no longer in its list") {
  auto poll = []() -> Task<> {
    async::MultiWait wait;
    async::Observer entry;
    auto list = std::make_unique<async::WaitList>();
    wait.watch(entry, *list);
    entry.stop();
    CHECK(list->empty());
    list.reset();
    entry.stop();
    co_return;
  };
  async::spawn(poll()).detach();
  run();
}

TEST_CASE_METHOD(Fixture, "a wake between watch() and until() is not lost") {
  async::WaitList list;
  bool woken = false;
  auto poll = [&]() -> Task<> {
    async::MultiWait wait;
    async::Observer entry;
    wait.watch(entry, list);
    co_await async::yield();
    woken = co_await wait.until(async::never, "poll") == WaitResult::woken;
  };
  auto handle = async::spawn(poll());
  executor.run_one();
  list.wake_one();
  run();
  CHECK(woken);
}

TEST_CASE_METHOD(Fixture, "a wake that is passed on reaches the first job and no observer") {
  async::WaitList list;
  Log log;
  auto poll = [&]() -> Task<> {
    async::MultiWait wait;
    async::Observer entry;
    wait.watch(entry, list);
    wait.watch(entry, list);  // it is in the list already
    log.push_back(std::string("poll ") + name(co_await wait.until(async::now() + 50ns, "poll")));
  };
  async::spawn(poll()).detach();
  run();
  async::spawn(wait_and_log(list, log, "first")).detach();
  async::spawn(wait_and_log(list, log, "second")).detach();
  run();
  list.pass_wake();
  run();
  CHECK(log == Log{"first woken"});
  list.pass_wake();
  list.pass_wake();  // no job is left
  run();
  CHECK(log == Log{"first woken", "second woken"});
  advance(50ns);
  CHECK(log.back() == "poll timed out");
}

TEST_CASE_METHOD(Fixture, "a watcher without a job learns of wakes, and may watch again") {
  struct Count : async::Watcher {
    Count() : Watcher{[](async::Watcher& self) noexcept { ++static_cast<Count&>(self).wakes; }} {}
    int wakes = 0;
  };
  async::WaitList list;
  Count count;
  async::Observer entry;
  count.watch(entry, list);
  CHECK_FALSE(list.wake_one());
  CHECK_FALSE(list.wake_one());
  CHECK(count.wakes == 1);
  count.watch(entry, list);
  CHECK(list.wake_all() == 0);
  CHECK(count.wakes == 2);
  CHECK(list.empty());
}
