// Everything at once on four threads, in an order that a fixed seed decides: trees of jobs,
// mutexes, channels, semaphores, sleeps, jobs of the strand, dropped handles.
#include <async/host/pool.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

using async::HostPool;
using async::Task;
using async::WaitResult;
using namespace std::chrono_literals;

namespace {

struct Shared {
  std::array<async::Mutex, 3> mutexes;
  std::array<std::uint64_t, 3> guarded{};  // each behind its mutex
  async::Channel<std::uint64_t, 2> channel;
  async::Semaphore permits{2};
  std::uint64_t in_strand = 0;  // used by jobs of the strand
  // What must have happened at the end.
  std::atomic<std::uint64_t> locks = 0;
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> strand_steps = 0;
  std::atomic<std::uint64_t> dropped = 0;
  std::atomic<std::uint64_t> dropped_ran = 0;
};

Task<> count_in_strand(Shared& shared) {
  ++shared.in_strand;
  co_await async::yield();
  ++shared.in_strand;
  shared.strand_steps.fetch_add(2);
}

Task<> run_dropped(Shared& shared) {
  co_await async::yield();
  shared.dropped_ran.fetch_add(1);
}

/// A random tree of jobs, each of which does something.
Task<std::uint64_t> grow(Shared& shared, std::uint32_t seed, unsigned depth) {
  std::minstd_rand random(seed);
  std::deque<async::JoinHandle<std::uint64_t>> children;
  if (depth > 0) {
    for (unsigned i = random() % 4; i > 0; --i) {
      children.push_back(async::spawn(grow(shared, random(), depth - 1)));
    }
  }
  switch (random() % 8) {
    case 0: {
      const unsigned which = random() % 3;
      const auto guard = co_await shared.mutexes[which].lock();
      if (random() % 2 == 0) co_await async::yield();
      ++shared.guarded[which];
      shared.locks.fetch_add(1);
      break;
    }
    case 1:
      if (co_await shared.channel.send(1) == WaitResult::woken) shared.sent.fetch_add(1);
      break;
    case 2:
      co_await shared.permits.acquire();
      co_await async::yield();
      shared.permits.release();
      break;
    case 3: co_await async::sleep_for(std::chrono::microseconds(random() % 100)); break;
    case 4: co_await async::spawn_in_strand(count_in_strand(shared)); break;
    case 5:
      shared.dropped.fetch_add(1);
      async::spawn(run_dropped(shared)).detach();
      break;
    default: break;
  }
  std::uint64_t jobs = 1;
  while (!children.empty()) {  // the oldest child first, or the newest
    const bool takes_oldest = random() % 2 == 0;
    jobs += co_await std::move(takes_oldest ? children.front() : children.back());
    takes_oldest ? children.pop_front() : children.pop_back();
  }
  co_return jobs;
}

Task<std::uint64_t> drain(Shared& shared) {
  std::uint64_t sum = 0;
  while (const auto value = co_await shared.channel.receive()) sum += *value;
  co_return sum;
}

struct Outcome {
  std::uint64_t jobs = 0;
  std::uint64_t received = 0;
};

Task<Outcome> grow_forest(Shared& shared, std::uint32_t seed, unsigned trees) {
  Outcome outcome;
  auto drain_job = async::spawn(drain(shared));
  std::vector<async::JoinHandle<std::uint64_t>> all;
  for (unsigned i = 0; i < trees; ++i) all.push_back(async::spawn(grow(shared, seed + i, 6)));
  for (auto& tree : all) outcome.jobs += co_await std::move(tree);
  shared.channel.close();
  outcome.received = co_await std::move(drain_job);
  co_return outcome;
}

/// How many jobs grow() makes, without a pool.
std::uint64_t count_jobs(std::uint32_t seed, unsigned depth) {
  std::minstd_rand random(seed);
  std::uint64_t jobs = 1;
  if (depth > 0) {
    for (unsigned i = random() % 4; i > 0; --i) jobs += count_jobs(random(), depth - 1);
  }
  return jobs;
}

}  // namespace

TEST_CASE("random trees of jobs that use everything lose no job, no value and no wake") {
  constexpr unsigned trees = 60;
  const unsigned threads = GENERATE(1u, 2u, 4u);
  const std::uint32_t seed = GENERATE(1u, 1'000u, 2'000u);
  std::uint64_t expected = 0;
  for (unsigned i = 0; i < trees; ++i) expected += count_jobs(seed + i, 6);
  Shared shared;
  {
    HostPool pool{threads};
    const Outcome outcome = pool.run(grow_forest(shared, seed, trees));
    CHECK(outcome.jobs == expected);
    CHECK(outcome.received == shared.sent.load());
  }
  CHECK(shared.guarded[0] + shared.guarded[1] + shared.guarded[2] == shared.locks.load());
  CHECK(shared.in_strand == shared.strand_steps.load());
  CHECK(shared.dropped.load() > 0);
  CHECK(shared.dropped_ran.load() == shared.dropped.load());
}
