// The workloads with TBB: a job is a task of a tbb::task_group.
#include <oneapi/tbb/mutex.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <vector>

#include "workloads.h"

namespace bench {
namespace {

std::uint64_t fib_of(unsigned n) {
  if (n < 2) return n;
  std::uint64_t left = 0;
  tbb::task_group group;
  group.run([&] { left = fib_of(n - 1); });
  const std::uint64_t right = fib_of(n - 2);
  group.wait();
  return left + right;
}

std::uint64_t skynet_of(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::uint64_t sums[10];
  tbb::task_group group;
  for (unsigned i = 0; i < 10; ++i) {
    group.run([&, i] { sums[i] = skynet_of(first + i * (leaves / 10), leaves / 10); });
  }
  group.wait();
  std::uint64_t sum = 0;
  for (const std::uint64_t each : sums) sum += each;
  return sum;
}

std::uint64_t queens_of(Board board, unsigned n, unsigned row, unsigned spawned) {
  if (row == spawned) return count_queens(board, n, row);
  std::uint64_t counts[16] = {};
  tbb::task_group group;
  for (unsigned column = 0; column < n; ++column) {
    if (!is_free(board.columns, row, column)) continue;
    board.columns[row] = static_cast<std::uint8_t>(column);
    group.run([&counts, board, n, row, spawned, column] {
      counts[column] = queens_of(board, n, row + 1, spawned);
    });
  }
  group.wait();
  std::uint64_t sum = 0;
  for (const std::uint64_t each : counts) sum += each;
  return sum;
}

void multiply_part(const Matrices& all, unsigned top, unsigned left, unsigned size) {
  if (size == block) return multiply_block(all, top, left);
  const unsigned half = size / 2;
  tbb::task_group group;
  for (unsigned part = 0; part < 4; ++part) {
    group.run([&all, top, left, half, part] {
      multiply_part(all, top + part / 2 * half, left + part % 2 * half, half);
    });
  }
  group.wait();
}

class TbbRunner final : public Runner {
 public:
  explicit TbbRunner(unsigned threads)
      : control_(tbb::global_control::max_allowed_parallelism, threads),
        arena_(static_cast<int>(threads)) {}

  std::uint64_t fib(unsigned n) override {
    return arena_.execute([&] { return fib_of(n); });
  }
  std::uint64_t skynet(unsigned depth) override {
    std::uint64_t leaves = 1;
    while (depth-- > 0) leaves *= 10;
    return arena_.execute([&] { return skynet_of(0, leaves); });
  }
  std::uint64_t queens(unsigned n, unsigned spawned) override {
    return arena_.execute([&] { return queens_of({}, n, 0, spawned); });
  }
  std::uint64_t multiply(unsigned size) override {
    const Matrices& all = matrices(size);
    arena_.execute([&] { multiply_part(all, 0, 0, size); });
    return all.product[size * size - 1];
  }
  // TBB's queues block the thread.
  std::uint64_t send(unsigned, unsigned) override { return 0; }
  std::uint64_t ping_pong(unsigned) override { return 0; }
  std::uint64_t share(unsigned jobs, unsigned count) override {
    return arena_.execute([&] {
      tbb::mutex mutex;
      Record shared;
      tbb::task_group group;
      for (unsigned i = 0; i < jobs; ++i) {
        group.run([&] {
          Record own;
          for (unsigned each = 0; each < count; ++each) {
            own.work(work_unlocked);
            const tbb::mutex::scoped_lock guard(mutex);
            shared.sum ^= own.sum;
            shared.work(work_locked);
          }
        });
      }
      group.wait();
      return shared.uses;
    });
  }
  std::uint64_t lock(unsigned count) override {
    return arena_.execute([&] {
      tbb::mutex mutex;
      std::uint64_t sum = 0;
      tbb::task_group group;
      for (int i = 0; i < 4; ++i) {
        group.run([&] {
          for (unsigned each = 0; each < count / 4; ++each) {
            const tbb::mutex::scoped_lock guard(mutex);
            ++sum;
          }
        });
      }
      group.wait();
      return sum;
    });
  }

 private:
  tbb::global_control control_;
  tbb::task_arena arena_;
};

}  // namespace

Runner* make_tbb_runner(unsigned threads) {
  return new TbbRunner(threads);
}

}  // namespace bench
