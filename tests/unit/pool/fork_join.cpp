// Spawning and joining jobs on the threads of a HostPool.
#include <async/host/pool.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

using async::HostPool;
using async::Task;

namespace {

Task<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto left = async::spawn(fib(n - 1));
  const std::uint64_t right = co_await fib(n - 2);
  co_return right + co_await std::move(left);
}

/// Counts its jobs: each has `width` children down to `depth`.
Task<std::uint64_t> tree(unsigned width, unsigned depth, std::atomic<std::uint64_t>& ran) {
  ran.fetch_add(1, std::memory_order_relaxed);
  if (depth == 0) co_return 1;
  std::vector<async::JoinHandle<std::uint64_t>> children;
  for (unsigned i = 0; i < width; ++i) {
    children.push_back(async::spawn(tree(width, depth - 1, ran)));
  }
  std::uint64_t count = 1;
  for (auto& child : children) count += co_await std::move(child);
  co_return count;
}

/// Starts a chain of `left` more jobs, each of which starts the next one.
Task<> start_next(HostPool& pool, std::atomic<int>& ran, int left) {
  ran.fetch_add(1, std::memory_order_relaxed);
  if (left == 0) co_return;
  co_await async::sleep_for(std::chrono::microseconds(100));
  pool.start(start_next(pool, ran, left - 1));
}

}  // namespace

TEST_CASE("a pool joins every job that its jobs spawn") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  CHECK(pool.run(fib(20)) == 6765);
  std::atomic<std::uint64_t> ran = 0;
  CHECK(pool.run(tree(10, 4, ran)) == 11'111);
  CHECK(ran.load() == 11'111);
}

namespace {

/// Counts the objects that live.
struct Counted {
  static inline std::atomic<int> alive = 0;
  Counted() { alive.fetch_add(1); }
  Counted(Counted&& other) noexcept : value(other.value) { alive.fetch_add(1); }
  ~Counted() { alive.fetch_sub(1); }
  int value = 1;
};

Task<Counted> make_counted(unsigned depth) {
  Counted here;
  if (depth > 0) {
    auto left = async::spawn(make_counted(depth - 1));
    auto right = async::spawn(make_counted(depth - 1));
    here.value += (co_await std::move(right)).value;
    here.value += (co_await std::move(left)).value;
  }
  co_return here;
}

Task<std::unique_ptr<int>> boxed(int value) {
  co_await async::yield();
  co_return std::make_unique<int>(value);
}

Task<int> join_all_kinds() {
  auto [box, nothing, number] =
      co_await async::when_all(boxed(3), [](int) -> Task<> { co_return; }(0), fib(10));
  static_assert(std::is_same_v<decltype(nothing), std::monostate>);
  co_return *box + static_cast<int>(number);
}

Task<> count_down(std::atomic<int>& left) {
  co_await async::yield();
  left.fetch_sub(1);
}

/// Drops the handles of jobs that run on other threads, or have ended there.
Task<> spawn_and_forget(std::atomic<int>& left, int count) {
  std::vector<async::JoinHandle<void>> handles;
  for (int i = 0; i < count; ++i) handles.push_back(async::spawn(count_down(left)));
  for (int i = 0; i < 10; ++i) co_await async::yield();
  while (!handles.empty()) {
    handles.back().detach();
    handles.pop_back();
  }
}

/// Ends when its step and another job's step have run at the same time.
Task<> meet(std::atomic<int>& inside, std::atomic<bool>& have_met) {
  while (!have_met.load()) {
    inside.fetch_add(1);
    for (int i = 0; i < 10'000 && !have_met.load(); ++i) {
      if (inside.load() == 2) have_met.store(true);
    }
    inside.fetch_sub(1);
    co_await async::yield();
  }
}

Task<int> number(int value) {
  co_return value;
}
Task<int> add_in_a_loop(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await number(1);
  co_return sum;
}
Task<int> add_nested(int count) {
  if (count == 0) co_return 0;
  co_return 1 + co_await add_nested(count - 1);
}

Task<> meet_in_pairs() {
  std::atomic<int> inside = 0;
  std::atomic<bool> have_met = false;
  auto other = async::spawn(meet(inside, have_met));
  co_await async::spawn(meet(inside, have_met));
  co_await std::move(other);
}

}  // namespace

TEST_CASE("a pool destroys every result and every frame once") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  {
    HostPool pool{threads};
    CHECK(pool.run(make_counted(10)).value == 2047);
    CHECK(Counted::alive.load() == 0);
  }
  CHECK(Counted::alive.load() == 0);
}

TEST_CASE("when_all() in a parallel job returns all results") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  CHECK(pool.run(join_all_kinds()) == 58);
}

TEST_CASE("the destructor of a pool waits for jobs whose handles were dropped") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  std::atomic<int> left = 1'000;
  {
    HostPool pool{threads};
    pool.run(spawn_and_forget(left, 1'000));
  }
  CHECK(left.load() == 0);
}

TEST_CASE("the destructor of a pool waits for jobs that jobs start meanwhile") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  std::atomic<int> ran = 0;
  {
    HostPool pool{threads};
    for (int i = 0; i < 50; ++i) pool.start(start_next(pool, ran, 10));
  }
  CHECK(ran.load() == 550);
}

TEST_CASE("jobs of a pool with two threads run at the same time") {
  HostPool pool{2};
  for (int i = 0; i < 20; ++i) pool.run(meet_in_pairs());
  CHECK(pool.migrations() > 0);
}

TEST_CASE("a pool may have as many threads as a machine has harts") {
  HostPool pool{HostPool::max_threads};
  CHECK(pool.threads() == 64);
  for (int i = 0; i < 20; ++i) CHECK(pool.run(fib(15)) == 610);
}

TEST_CASE("several threads can run tasks in one pool at the same time") {
  HostPool pool{2};
  std::atomic<int> right = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) right += pool.run(fib(10)) == 55;
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(right.load() == 80);
}

TEST_CASE("every policy runs a fork-join tree") {
  const char* const policy =
      GENERATE("priority", "fifo", "round-robin", "edf", "eevdf", "steal-fifo");
  const unsigned threads = GENERATE(1u, 2u);
  HostPool pool{threads, {.policy = policy}};
  std::atomic<std::uint64_t> ran = 0;
  CHECK(pool.run(tree(10, 3, ran)) == 1'111);
  CHECK(pool.run(join_all_kinds()) == 58);
}

TEST_CASE("1,000,000 awaits in a loop, and 100,000 nested ones, use no stack") {
  HostPool pool{1};
  CHECK(pool.run(add_in_a_loop(1'000'000)) == 1'000'000);
  CHECK(pool.run(add_nested(100'000)) == 100'000);
}

TEST_CASE("a policy ends with its pool") {
  {
    HostPool pool{2, {.policy = "edf"}};
    CHECK(async::watched());
    CHECK(pool.run(fib(5)) == 5);
  }
  CHECK_FALSE(async::watched());
}

TEST_CASE("memory that one thread takes and another one frees is used again") {
  const auto run_often = [](int count) {
    HostPool pool{2};
    for (int i = 0; i < count; ++i) {
      CHECK(pool.run(fib(3)) == 2);  // its frame is made on this thread and freed on the pool's
      if (i % 50 == 0) std::thread([&] { pool.run(fib(3)); }).join();
    }
  };
  run_often(500);
  const std::size_t before = async::platform::bytes_taken();
  for (int i = 0; i < 10; ++i) run_often(500);
  CHECK(async::platform::bytes_taken() <= before + 256 * 1024);  // one arena more, at most
}
