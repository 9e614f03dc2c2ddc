#include <memory>

#include "support.h"

using namespace async_test;

TEST_CASE_METHOD(Fixture, "a full channel suspends senders and keeps their order") {
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

TEST_CASE_METHOD(Fixture, "several senders and receivers neither lose nor duplicate a value") {
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

TEST_CASE_METHOD(
    Fixture, "close wakes senders and receivers, and receivers still get the values sent before") {
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

TEST_CASE_METHOD(Fixture,
                 "no later call takes a slot or a value that a waiting job has been given") {
  async::Channel<int, 1> channel;
  std::vector<int> received;
  auto sender = [&](int value) -> Task<> { co_await channel.send(value); };
  auto receiver = [&]() -> Task<> { received.push_back(*co_await channel.receive()); };
  async::spawn(receiver()).detach();
  run();
  int one = 1;
  CHECK(channel.try_send(one));
  CHECK_FALSE(channel.try_receive());  // the value belongs to the waiting receiver
  run();
  CHECK(channel.try_send(one));
  async::spawn(sender(2)).detach();
  run();
  CHECK(channel.try_receive() == 1);
  CHECK_FALSE(channel.try_send(one));  // the slot belongs to the waiting sender
  run();
  CHECK(channel.try_receive() == 2);
  CHECK(received == std::vector<int>{1});
}

TEST_CASE_METHOD(Fixture,
                 "a sender that was given a slot gets closed if the channel closes first") {
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

TEST_CASE_METHOD(Fixture, "a cancelled send or receive leaves the channel unchanged") {
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
  CHECK(channel.try_send(value));  // b gets it: a's wait is over, although a has not run yet
  b.cancel();                      // too late: b has the value
  run();
  CHECK(log == Log{"cancelled", "5"});
  CHECK(channel.size() == 0);
}
