// Channels, mutexes and other objects between jobs on different threads, and jobs of the strand.
#include <async/host/pool.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

using async::HostPool;
using async::Task;
using async::WaitResult;
using namespace std::chrono_literals;

namespace {

/// Plain data, so ThreadSanitizer reports if the mutex does not order the accesses.
struct Account {
  async::Mutex mutex;
  std::uint64_t balance = 0;
  bool is_inside = false;
};

Task<> deposit(Account& account, int count) {
  for (int i = 0; i < count; ++i) {
    const auto guard = co_await account.mutex.lock();
    if (std::exchange(account.is_inside, true)) async::platform::fail("two jobs hold the mutex");
    ++account.balance;
    if (i % 4 == 0) co_await async::yield();
    account.is_inside = false;
  }
}

Task<> deposit_all(Account& account, int jobs, int count) {
  std::vector<async::JoinHandle<void>> all;
  for (int i = 0; i < jobs; ++i) all.push_back(async::spawn(deposit(account, count)));
  for (auto& each : all) co_await std::move(each);
}

using Numbers = async::Channel<std::uint64_t, 4>;

Task<> produce(Numbers& numbers, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (co_await numbers.send(first + i) != WaitResult::woken) co_return;
  }
}

Task<std::uint64_t> consume(Numbers& numbers) {
  std::uint64_t sum = 0;
  while (const auto number = co_await numbers.receive()) sum += *number;
  co_return sum;
}

Task<std::uint64_t> transfer(int producers, int consumers, std::uint64_t count) {
  Numbers numbers;
  std::vector<async::JoinHandle<void>> senders;
  std::vector<async::JoinHandle<std::uint64_t>> receivers;
  for (int i = 0; i < consumers; ++i) receivers.push_back(async::spawn(consume(numbers)));
  for (int i = 0; i < producers; ++i) senders.push_back(async::spawn(produce(numbers, 1, count)));
  for (auto& sender : senders) co_await std::move(sender);
  numbers.close();
  std::uint64_t sum = 0;
  for (auto& receiver : receivers) sum += co_await std::move(receiver);
  co_return sum;
}

Task<> use_permit(async::Semaphore& permits, std::atomic<int>& inside,
                  std::atomic<bool>& is_wrong) {
  for (int i = 0; i < 50; ++i) {
    co_await permits.acquire();
    if (inside.fetch_add(1) >= 2) is_wrong.store(true);
    co_await async::yield();
    inside.fetch_sub(1);
    permits.release();
  }
}

Task<bool> use_permits() {
  async::Semaphore permits{2};
  std::atomic<int> inside = 0;
  std::atomic<bool> is_wrong = false;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int i = 0; i < 8; ++i) scope.spawn(use_permit(permits, inside, is_wrong));
    co_return;
  });
  co_return !is_wrong.load() && inside.load() == 0;
}

Task<> wait_for(async::Event& event, async::WaitGroup& group) {
  co_await event.wait();
  group.done();
}

Task<> open_gate() {
  async::Event event;
  async::WaitGroup group;
  group.add(20);
  for (int i = 0; i < 20; ++i) async::spawn(wait_for(event, group)).detach();
  co_await async::yield();
  event.set();
  co_await group.wait();
}

Task<int> sleep_and_time_out() {
  async::WaitList nothing;
  auto sleeper = async::spawn([]() -> Task<> { co_await async::sleep_for(2ms); }());
  int timeouts = 0;
  for (int i = 0; i < 5; ++i) {
    timeouts +=
        co_await nothing.wait_until(async::now() + 500us, "nothing") == WaitResult::timed_out;
  }
  co_await std::move(sleeper);
  co_return timeouts;
}

/// The state that jobs of the strand share without locks.
struct Ledger {
  std::uint64_t entries = 0;
  std::uint64_t sum = 0;
};

Task<std::uint64_t> write_ledger(Ledger& ledger, std::uint64_t value) {
  ++ledger.entries;
  co_await async::yield();
  ledger.sum += value;
  co_return co_await async::spawn_parallel(
      [](std::uint64_t value) -> Task<std::uint64_t> { co_return value* value; }(value));
}

Task<std::uint64_t> write_all(Ledger& ledger, std::uint64_t count) {
  std::vector<async::JoinHandle<std::uint64_t>> all;
  for (std::uint64_t i = 1; i <= count; ++i) {
    all.push_back(async::spawn_in_strand(write_ledger(ledger, i)));
  }
  std::uint64_t squares = 0;
  for (auto& each : all) squares += co_await std::move(each);
  co_return squares;
}

}  // namespace

TEST_CASE("a mutex admits one job of any thread at a time") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  Account account;
  pool.run(deposit_all(account, 8, 500));
  CHECK(account.balance == 4'000);
}

TEST_CASE("a channel delivers every value once between threads") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  CHECK(pool.run(transfer(1, 1, 1'000)) == 500'500);
  CHECK(pool.run(transfer(4, 3, 500)) == 4 * 125'250);
}

TEST_CASE("a semaphore, a scope, an event and a wait group work between threads") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  CHECK(pool.run(use_permits()));
  for (int i = 0; i < 20; ++i) pool.run(open_gate());
}

TEST_CASE("a parallel job sleeps, and its waits time out") {
  const unsigned threads = GENERATE(1u, 2u);
  HostPool pool{threads};
  CHECK(pool.run(sleep_and_time_out()) == 5);
}

TEST_CASE("a pool ends although a wait was to last for an hour") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  const bool are_woken = pool.run([]() -> Task<bool> {
    async::Event event;
    auto wait = [](async::Event& event) -> Task<WaitResult> {
      co_return co_await event.wait_until(async::now() + 1h);
    };
    auto one = async::spawn(wait(event));
    auto other = async::spawn(wait(event));
    co_await async::sleep_for(1ms);
    event.set();
    const WaitResult first = co_await std::move(one);
    co_return first == WaitResult::woken&& co_await std::move(other) == WaitResult::woken;
  }());
  CHECK(are_woken);
}

TEST_CASE("a job sleeps beyond the end of an earlier wait that was cut short") {
  const unsigned threads = GENERATE(1u, 2u);
  HostPool pool{threads};
  for (int i = 0; i < 5; ++i) {
    pool.run([]() -> Task<> {
      async::WaitList nothing;
      auto wait = [](async::WaitList& list) -> Task<> {
        (void)co_await list.wait_until(async::now() + 3ms, "a wake");
      };
      auto waiting = async::spawn(wait(nothing));
      co_await async::sleep_for(100us);
      while (!nothing.wake_one() && !nothing.empty()) co_await async::yield();
      co_await std::move(waiting);
    }());
    std::this_thread::sleep_for(1ms);  // the pool's threads fall asleep
    pool.run([]() -> Task<> { co_await async::sleep_for(2ms); }());
  }
  SUCCEED("the sleeps have ended");
}

TEST_CASE("jobs of the strand share data without locks, and join parallel jobs") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  Ledger ledger;
  CHECK(pool.run(write_all(ledger, 100)) == 338'350);
  CHECK(ledger.entries == 100);
  CHECK(ledger.sum == 5'050);
}
