// Tries every order of a few actions: in no order is a permit granted twice or lost.
#include "support.h"

using namespace async_test;

namespace {

/// Calls `attempt(next)` for every sequence of `length` numbers below `actions`. next() returns the
/// sequence's next number.
template <class Attempt>
int every_sequence(int actions, int length, Attempt attempt) {
  int count = 1;
  for (int i = 0; i < length; ++i) count *= actions;
  for (int code = 0; code < count; ++code) {
    int rest = code;
    attempt([&] {
      const int action = rest % actions;
      rest /= actions;
      return action;
    });
  }
  return count;
}

constexpr int length = 7;

}  // namespace

TEST_CASE_METHOD(Fixture,
                 "every order of releases, cancellations and steps conserves the permits") {
  bool conserved = true;
  const int tried = every_sequence(4, length, [&](auto next) {
    async::Semaphore semaphore;
    std::size_t granted = 0;
    auto body = [&]() -> Task<> {
      for (int i = 0; i < 2; ++i) granted += co_await semaphore.acquire() == WaitResult::woken;
    };
    auto a = async::spawn(body());
    auto b = async::spawn(body());
    std::size_t released = 0;
    for (int i = 0; i < length; ++i) {
      switch (next()) {
        case 0:
          semaphore.release();
          ++released;
          break;
        case 1: a.cancel(); break;
        case 2: b.cancel(); break;
        case 3: executor.run_one(); break;
      }
    }
    a.cancel();
    b.cancel();
    run();
    conserved &= a.done() && b.done() && granted + semaphore.permits() == released;
  });
  CHECK(conserved);
  CHECK(tried == 16'384);
}

TEST_CASE_METHOD(
    Fixture,
    "every order of sends, receives, cancellations, closes and steps conserves the values") {
  bool conserved = true;
  const int tried = every_sequence(6, length, [&](auto next) {
    async::Channel<int, 1> channel;
    std::size_t sent = 0;
    std::size_t received = 0;
    auto sender = [&]() -> Task<> {
      for (int i = 0; i < 2; ++i) sent += co_await channel.send(i) == WaitResult::woken;
    };
    auto receiver = [&]() -> Task<> {
      for (int i = 0; i < 2; ++i) received += (co_await channel.receive()).has_value();
    };
    auto a = async::spawn(sender());
    auto b = async::spawn(receiver());
    int value = 9;
    for (int i = 0; i < length; ++i) {
      switch (next()) {
        case 0: sent += channel.try_send(value); break;
        case 1: received += channel.try_receive().has_value(); break;
        case 2: a.cancel(); break;
        case 3: b.cancel(); break;
        case 4: channel.close(); break;
        case 5: executor.run_one(); break;
      }
    }
    a.cancel();
    b.cancel();
    run();
    conserved &= a.done() && b.done() && sent == received + channel.size();
  });
  CHECK(conserved);
  CHECK(tried == 279'936);
}

TEST_CASE_METHOD(Fixture,
                 "every order of cancellations, priority changes and steps leaves the mutex free") {
  bool sound = true;
  const int tried = every_sequence(5, length, [&](auto next) {
    async::Mutex mutex;
    int inside = 0;
    auto body = [&](bool cancellable) -> Task<> {
      auto guard = cancellable ? co_await mutex.lock_or_cancel() : co_await mutex.lock();
      if (!guard) co_return;
      sound &= inside++ == 0;
      co_await async::yield();
      --inside;
    };
    auto a = async::spawn(body(false), {.priority = 20});
    auto b = async::spawn(body(true), {.priority = 20});
    auto c = async::spawn(body(true), {.priority = 20});
    for (int i = 0; i < length; ++i) {
      switch (next()) {
        case 0: a.cancel(); break;
        case 1: b.cancel(); break;
        case 2: executor.set_priority(c.job(), 3); break;
        case 3: executor.set_priority(b.job(), 30); break;
        case 4: executor.run_one(); break;
      }
    }
    run();
    sound &= a.done() && b.done() && c.done() && mutex.owner() == nullptr;
    for (auto* job : {&a.job(), &b.job(), &c.job()}) {
      sound &= job->priority == job->base_priority();
    }
  });
  CHECK(sound);
  CHECK(tried == 78'125);
}

TEST_CASE_METHOD(
    Fixture,
    "every order of wakes and cancellations of a multiple wait keeps other waiters' wakes") {
  bool sound = true;
  const int tried = every_sequence(5, length, [&](auto next) {
    async::WaitList lists[2];
    int polls = 0;
    std::size_t woken = 0;
    auto poll = [&]() -> Task<> {
      async::MultiWait wait;
      async::Observer entries[2];
      for (int i = 0; i < 2; ++i) wait.watch(entries[i], lists[i]);
      co_await wait.until(async::now() + 10ns, "poll");
      ++polls;
    };
    auto reader = [&]() -> Task<> {
      for (int i = 0; i < 2; ++i) woken += co_await lists[0].wait("read") == WaitResult::woken;
    };
    auto a = async::spawn(poll());
    auto b = async::spawn(reader());
    std::size_t wakes = 0;
    for (int i = 0; i < length; ++i) {
      switch (next()) {
        case 0: wakes += lists[0].wake_one(); break;
        case 1: lists[1].wake_all(); break;
        case 2: a.cancel(); break;
        case 3:
          world().now += 10;
          executor.expire(async::now());
          break;
        case 4: executor.run_one(); break;
      }
    }
    a.cancel();
    b.cancel();
    run();
    sound &= a.done() && b.done() && polls == 1 && wakes == woken;
    sound &= lists[0].empty() && lists[1].empty();
  });
  CHECK(sound);
  CHECK(tried == 78'125);
}
