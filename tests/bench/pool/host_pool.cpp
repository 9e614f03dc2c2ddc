// The workloads with async::HostPool.
#include <async/host/pool.h>

#include <vector>

#include "workloads.h"

namespace bench {
namespace {

using async::Task;

Task<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto left = async::spawn(fib(n - 1));
  const std::uint64_t right = co_await fib(n - 2);
  co_return right + co_await std::move(left);
}

Task<std::uint64_t> skynet(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  std::vector<async::JoinHandle<std::uint64_t>> children;
  children.reserve(10);
  for (unsigned i = 0; i < 10; ++i) {
    children.push_back(async::spawn(skynet(first + i * (leaves / 10), leaves / 10)));
  }
  std::uint64_t sum = 0;
  for (auto& child : children) sum += co_await std::move(child);
  co_return sum;
}

Task<std::uint64_t> queens(Board board, unsigned n, unsigned row, unsigned spawned) {
  if (row == spawned) co_return count_queens(board, n, row);
  std::vector<async::JoinHandle<std::uint64_t>> children;
  for (unsigned column = 0; column < n; ++column) {
    if (!is_free(board.columns, row, column)) continue;
    board.columns[row] = static_cast<std::uint8_t>(column);
    children.push_back(async::spawn(queens(board, n, row + 1, spawned)));
  }
  std::uint64_t count = 0;
  for (auto& child : children) count += co_await std::move(child);
  co_return count;
}

Task<> multiply(const Matrices& all, unsigned top, unsigned left, unsigned size) {
  if (size == block) {
    multiply_block(all, top, left);
    co_return;
  }
  const unsigned half = size / 2;
  co_await async::when_all(multiply(all, top, left, half), multiply(all, top, left + half, half),
                           multiply(all, top + half, left, half),
                           multiply(all, top + half, left + half, half));
}

using Values = async::Channel<std::uint64_t, 16>;

Task<> produce(Values& values, unsigned count) {
  Record record;
  for (unsigned i = 0; i < count; ++i) {
    record.work(work_on_value);
    co_await values.send(record.sum);
  }
}

Task<std::uint64_t> send(unsigned count) {
  Values values;
  Record record;
  auto producer = async::spawn(produce(values, count));
  for (unsigned i = 0; i < count; ++i) {
    record.sum = *co_await values.receive();
    record.work(work_on_value);
  }
  co_await std::move(producer);
  co_return record.uses;
}

Task<std::uint64_t> send_in_pairs(unsigned pairs, unsigned count) {
  std::vector<async::JoinHandle<std::uint64_t>> all;
  for (unsigned i = 0; i < pairs; ++i) all.push_back(async::spawn(send(count)));
  std::uint64_t sum = 0;
  for (auto& pair : all) sum += co_await std::move(pair);
  co_return sum;
}

using Channel = async::Channel<unsigned, 1>;

Task<std::uint64_t> play(Channel& in, Channel& out, unsigned count) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned value = *co_await in.receive();
    sum += value;
    co_await out.send(value + 1);
  }
  co_return sum;
}

Task<std::uint64_t> ping_pong(unsigned count) {
  Channel ping;
  Channel pong;
  auto player = async::spawn(play(ping, pong, count));
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < count; ++i) {
    co_await ping.send(0);
    sum += *co_await pong.receive();
  }
  (void)co_await std::move(player);
  co_return sum;
}

constexpr unsigned rounds_a_step = 4;

Task<> work(async::Mutex& mutex, Record& shared, unsigned count) {
  Record own;
  for (unsigned i = 0; i < count; ++i) {
    if (i % rounds_a_step == 0) co_await async::yield();  // so that an idle thread gets a job
    own.work(work_unlocked);
    const auto guard = co_await mutex.lock();
    shared.sum ^= own.sum;
    shared.work(work_locked);
  }
}

Task<std::uint64_t> share(unsigned jobs, unsigned count) {
  async::Mutex mutex;
  Record shared;
  std::vector<async::JoinHandle<void>> all;
  for (unsigned i = 0; i < jobs; ++i) all.push_back(async::spawn(work(mutex, shared, count)));
  for (auto& job : all) co_await std::move(job);
  co_return shared.uses;
}

Task<> add(async::Mutex& mutex, std::uint64_t& sum, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const auto guard = co_await mutex.lock();
    ++sum;
  }
}

Task<std::uint64_t> lock(unsigned count) {
  async::Mutex mutex;
  std::uint64_t sum = 0;
  std::vector<async::JoinHandle<void>> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(async::spawn(add(mutex, sum, count / 4)));
  for (auto& job : jobs) co_await std::move(job);
  co_return sum;
}

class PoolRunner final : public Runner {
 public:
  explicit PoolRunner(unsigned threads) : pool_(threads) {}

  std::uint64_t fib(unsigned n) override { return pool_.run(bench::fib(n)); }
  std::uint64_t skynet(unsigned depth) override {
    std::uint64_t leaves = 1;
    while (depth-- > 0) leaves *= 10;
    return pool_.run(bench::skynet(0, leaves));
  }
  std::uint64_t queens(unsigned n, unsigned spawned) override {
    return pool_.run(bench::queens({}, n, 0, spawned));
  }
  std::uint64_t multiply(unsigned size) override {
    const Matrices& all = matrices(size);
    pool_.run(bench::multiply(all, 0, 0, size));
    return all.product[size * size - 1];
  }
  std::uint64_t send(unsigned pairs, unsigned count) override {
    return pool_.run(bench::send_in_pairs(pairs, count));
  }
  std::uint64_t ping_pong(unsigned count) override { return pool_.run(bench::ping_pong(count)); }
  std::uint64_t share(unsigned jobs, unsigned count) override {
    return pool_.run(bench::share(jobs, count));
  }
  std::uint64_t lock(unsigned count) override { return pool_.run(bench::lock(count)); }

 private:
  async::HostPool pool_;
};

}  // namespace

Runner* make_pool_runner(unsigned threads) {
  return new PoolRunner(threads);
}

}  // namespace bench
