#include <memory>

#include "support.h"

using namespace async_test;
using async::Key;

TEST_CASE_METHOD(Fixture,
                 "waiters are woken the most urgent first, in order of arrival among equals") {
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

TEST_CASE_METHOD(Fixture, "a wake never runs the woken job, it only makes it ready") {
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

TEST_CASE_METHOD(Fixture, "wake_all wakes everybody who waits now") {
  async::WaitList list;
  Log log;
  for (const char* who : {"a", "b", "c"}) async::spawn(wait_and_log(list, log, who)).detach();
  run();
  CHECK(list.wake_all() == 3);
  CHECK(list.wake_all() == 0);
  run();
  CHECK(log == Log{"a woken", "b woken", "c woken"});
}

TEST_CASE_METHOD(Fixture, "a waiting job changes its place when its priority is set") {
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

  CHECK(list.move_some(5, other, 7, value_is(1)) == 1);
  CHECK(list.wake_some(5, value_is(1)) == 0);
  CHECK(other.wake_some(5, value_is(7)) == 1);
  CHECK(list.wake_some(5, value_is(2)) == 1);
  run();
  CHECK(log.size() == 4);
}

TEST_CASE_METHOD(Fixture,
                 "a keyed wait ends by its deadline or by a cancellation, and leaves the list") {
  async::WaitList list;
  Log log;
  auto body = [&](async::Instant deadline) -> Task<> {
    log.push_back(name(co_await list.wait_keyed({1, 1}, "futex", deadline)));
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

TEST_CASE_METHOD(Fixture, "an entry whose wait was cut short does not use up a wake") {
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

TEST_CASE_METHOD(Fixture, "a wait with a deadline is woken before it or times out at it") {
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

TEST_CASE_METHOD(Fixture,
                 "a multiple wait ends with the first list woken and takes no wake from others") {
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
  CHECK(lists[1].wake_one());  // for the reader; the observer is woken beside it
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

TEST_CASE_METHOD(Fixture, "an event lets everybody through while it is on") {
  async::Event event;
  int passed = 0;
  auto body = [&]() -> Task<> {
    co_await event.wait();
    ++passed;
  };
  for (int i = 0; i < 3; ++i) async::spawn(body()).detach();
  run();
  CHECK(passed == 0);
  event.set();
  CHECK(passed == 0);  // not inside set()
  run();
  CHECK(passed == 3);
  async::spawn(body()).detach();
  run();
  CHECK(passed == 4);
  event.clear();
  auto late = async::spawn(body());
  run();
  CHECK(passed == 4);
  event.set();
  run();
}

TEST_CASE_METHOD(Fixture, "a semaphore hands permits to waiters in order and nobody overtakes") {
  async::Semaphore semaphore(1);
  Log log;
  auto body = [&](std::string who) -> Task<> {
    co_await semaphore.acquire();
    log.push_back(who);
    co_await async::yield();
    semaphore.release();
  };
  for (const char* who : {"a", "b", "c"}) async::spawn(body(who)).detach();
  executor.run_one();
  executor.run_one();
  executor.run_one();
  executor.run_one();  // a releases: the permit is b's already
  CHECK_FALSE(semaphore.try_acquire());
  run();
  CHECK(log == Log{"a", "b", "c"});
  CHECK(semaphore.permits() == 1);
}

TEST_CASE_METHOD(Fixture, "a cancelled acquire takes no permit, a granted one keeps it") {
  async::Semaphore semaphore(0);
  Log log;
  auto body = [&]() -> Task<> { log.push_back(name(co_await semaphore.acquire())); };
  auto a = async::spawn(body());
  run();
  a.cancel();
  semaphore.release();  // after the cancellation
  run();
  CHECK(semaphore.permits() == 1);
  CHECK(semaphore.try_acquire());
  auto b = async::spawn(body());
  run();
  semaphore.release();
  b.cancel();  // after the release
  run();
  CHECK(semaphore.permits() == 0);
  CHECK(log == Log{"cancelled", "woken"});
}

TEST_CASE_METHOD(Fixture, "a wait group opens when all are done") {
  async::WaitGroup group;
  bool through = false;
  auto body = [&]() -> Task<> {
    co_await group.wait();
    through = true;
  };
  group.add(2);
  auto handle = async::spawn(body());
  run();
  group.done();
  run();
  CHECK_FALSE(through);
  group.done();
  run();
  CHECK(through);
  finish(body());
}

TEST_CASE_METHOD(Fixture, "a full channel holds senders back and keeps their order") {
  async::Channel<int, 2> channel;
  Log log;
  auto producer = [&]() -> Task<> {
    for (int i = 0; i < 6; ++i) {
      CHECK(co_await channel.send(i) == WaitResult::woken);
      log.push_back("sent " + std::to_string(i));
    }
    channel.close();
  };
  std::vector<int> received;
  auto consumer = [&]() -> Task<> {
    for (;;) {
      auto value = co_await channel.receive();
      if (!value) {
        CHECK(value.error() == WaitResult::closed);
        break;
      }
      received.push_back(*value);
    }
  };
  async::spawn(producer()).detach();
  run();
  CHECK(log == Log{"sent 0", "sent 1"});
  CHECK(channel.size() == 2);
  async::spawn(consumer()).detach();
  run();
  CHECK(received == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE_METHOD(Fixture, "several senders and receivers lose and duplicate nothing") {
  async::Channel<int, 3> channel;
  std::vector<int> seen(3000, 0);
  async::WaitGroup senders;
  auto sender = [&](int from) -> Task<> {
    for (int i = from; i < from + 1000; ++i) {
      co_await channel.send(i);
      if (i % 7 == 0) co_await async::yield();
    }
    senders.done();
  };
  auto receiver = [&]() -> Task<> {
    while (auto value = co_await channel.receive()) {
      ++seen[*value];
      if (*value % 5 == 0) co_await async::yield();
    }
  };
  senders.add(3);
  for (int i = 0; i < 3; ++i) async::spawn(sender(i * 1000)).detach();
  for (int i = 0; i < 4; ++i) async::spawn(receiver()).detach();
  auto closer = [&]() -> Task<> {
    co_await senders.wait();
    channel.close();
  };
  finish(closer());
  CHECK(seen == std::vector<int>(3000, 1));
}

TEST_CASE_METHOD(Fixture, "closing a channel wakes both sides; what was sent is still received") {
  async::Channel<std::unique_ptr<int>, 1> channel;
  Log log;
  auto sender = [&](int value) -> Task<> {
    log.push_back(name(co_await channel.send(std::make_unique<int>(value))));
  };
  async::spawn(sender(1)).detach();
  async::spawn(sender(2)).detach();
  run();
  channel.close();
  run();
  CHECK(log == Log{"woken", "closed"});
  auto receiver = [&]() -> Task<> {
    auto first = co_await channel.receive();
    CHECK(**first == 1);
    auto second = co_await channel.receive();
    CHECK(second.error() == WaitResult::closed);
    CHECK(co_await channel.send(nullptr) == WaitResult::closed);
  };
  finish(receiver());
}

TEST_CASE_METHOD(Fixture, "a slot or a value that was promised is not overtaken") {
  async::Channel<int, 1> channel;
  std::vector<int> received;
  auto sender = [&](int value) -> Task<> { co_await channel.send(value); };
  auto receiver = [&]() -> Task<> { received.push_back(*co_await channel.receive()); };
  async::spawn(receiver()).detach();
  run();
  int one = 1;
  CHECK(channel.try_send(one));
  CHECK_FALSE(channel.try_receive());  // it is the waiting receiver's
  run();
  CHECK(channel.try_send(one));
  async::spawn(sender(2)).detach();
  run();
  CHECK(channel.try_receive() == 1);
  CHECK_FALSE(channel.try_send(one));  // the slot is the waiting sender's
  run();
  CHECK(channel.try_receive() == 2);
  CHECK(received == std::vector<int>{1});
}

TEST_CASE_METHOD(Fixture,
                 "a sender whose slot was promised gets closed if the channel closes first") {
  async::Channel<int, 1> channel;
  Log log;
  auto sender = [&](int value) -> Task<> { log.push_back(name(co_await channel.send(value))); };
  async::spawn(sender(1)).detach();
  async::spawn(sender(2)).detach();
  run();
  CHECK(channel.try_receive() == 1);
  channel.close();
  run();
  CHECK(log == Log{"woken", "closed"});
  CHECK_FALSE(channel.try_receive());
}

TEST_CASE_METHOD(Fixture, "an automatic event lets one through for each time it is set") {
  async::AutoEvent event;
  int passed = 0;
  auto body = [&]() -> Task<> {
    if (co_await event.wait() == WaitResult::woken) ++passed;
  };
  event.set();
  event.set();  // on already
  async::spawn(body()).detach();
  auto second = async::spawn(body());
  auto third = async::spawn(body());
  run();
  CHECK(passed == 1);
  event.set();
  CHECK_FALSE(event.is_set());
  run();
  CHECK(passed == 2);
  third.cancel();
  run();
  event.set();
  CHECK(event.is_set());  // the cancelled one took nothing
  auto fourth = async::spawn(body());
  fourth.cancel();  // before its wait: it may not take it either
  run();
  CHECK(fourth.done());
  CHECK(event.is_set());
  CHECK(passed == 2);
}

TEST_CASE_METHOD(Fixture, "a cancelled send or receive leaves the channel as it was") {
  async::Channel<int, 1> channel;
  Log log;
  auto receive = [&]() -> Task<> {
    auto value = co_await channel.receive();
    log.push_back(value ? std::to_string(*value) : name(value.error()));
  };
  auto a = async::spawn(receive());
  auto b = async::spawn(receive());
  run();
  a.cancel();
  int value = 5;
  CHECK(channel.try_send(value));  // to b: a's wait is over, though it did not run yet
  b.cancel();                      // too late
  run();
  CHECK(log == Log{"cancelled", "5"});
  CHECK(channel.size() == 0);
}
