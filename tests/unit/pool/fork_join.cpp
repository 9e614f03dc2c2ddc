// Spawning and joining jobs on the threads of a HostPool.
#include <async/host/pool.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
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

}  // namespace

TEST_CASE("a pool joins every job that its jobs spawn") {
  const unsigned threads = GENERATE(1u, 2u, 4u);
  HostPool pool{threads};
  CHECK(pool.run(fib(20)) == 6765);
  std::atomic<std::uint64_t> ran = 0;
  CHECK(pool.run(tree(10, 4, ran)) == 11'111);
  CHECK(ran.load() == 11'111);
}
