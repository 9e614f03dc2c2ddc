#include "support.h"

using namespace async_test;

TEST_CASE_METHOD(Fixture, "every wait passes while an event is set") {
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
  CHECK(passed == 0);  // set() itself runs no waiter
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

TEST_CASE_METHOD(Fixture,
                 "a semaphore grants permits to waiters in order, and no later job overtakes") {
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
  executor.run_one();  // a releases: the permit belongs to b already
  CHECK_FALSE(semaphore.try_acquire());
  run();
  CHECK(log == Log{"a", "b", "c"});
  CHECK(semaphore.permits() == 1);
}

TEST_CASE_METHOD(Fixture,
                 "a cancelled acquire takes no permit, and a granted acquire keeps its permit") {
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

TEST_CASE_METHOD(Fixture, "a wait group opens when its count reaches zero") {
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

TEST_CASE_METHOD(Fixture, "an automatic event wakes one waiter each time it is set") {
  async::AutoEvent event;
  int passed = 0;
  auto body = [&]() -> Task<> {
    if (co_await event.wait() == WaitResult::woken) ++passed;
  };
  event.set();
  event.set();  // already set
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
  CHECK(event.is_set());  // the cancelled waiter did not consume the event
  auto fourth = async::spawn(body());
  fourth.cancel();  // before its wait: it must not consume the event either
  run();
  CHECK(fourth.done());
  CHECK(event.is_set());
  CHECK(passed == 2);
}
