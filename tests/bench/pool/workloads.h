// The workloads of `./cotrap bench pool`. Each does the same work with async::HostPool and with
// TBB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// A way to run the workloads on a number of threads, which its constructor starts.
class Runner {
 public:
  virtual ~Runner() = default;
  // Each returns a number that the caller checks.
  virtual std::uint64_t fib(unsigned n) = 0;
  /// Sums the numbers of 10^depth leaves of a tree.
  virtual std::uint64_t skynet(unsigned depth) = 0;
  /// Counts the solutions for a board of n × n. The first `spawned` rows are jobs.
  virtual std::uint64_t queens(unsigned n, unsigned spawned) = 0;
  /// Multiplies two square matrices, whose elements are their row and column numbers, in blocks.
  virtual std::uint64_t multiply(unsigned size) = 0;
  /// Each of `pairs` pairs of jobs has a channel, over which one sends `count` values to the other.
  /// Both work on each value. Returns the number of values. 0: not possible.
  virtual std::uint64_t send(unsigned pairs, unsigned count) = 0;
  /// Round trips over two channels between two jobs. 0: not possible.
  virtual std::uint64_t ping_pong(unsigned count) = 0;
  /// `jobs` jobs lock and unlock one mutex, `count` times each. In between each works on its own.
  /// Returns how often they have locked it.
  virtual std::uint64_t share(unsigned jobs, unsigned count) = 0;
  /// Four jobs do nothing but lock and unlock one mutex; `count` times in all.
  virtual std::uint64_t lock(unsigned count) = 0;
};

/// Some data, and work on it that the compiler cannot leave out: `rounds` rounds of a checksum
/// (FNV-1a, of which each step needs the one before).
struct Record {
  std::uint64_t uses = 0;
  std::uint64_t sum = 0xcbf29ce484222325;

  void work(unsigned rounds) {
    ++uses;
    for (unsigned i = 0; i < rounds; ++i) sum = (sum ^ (uses + i)) * 0x100000001b3;
  }
};
// Rounds of work, at about 1 ns each.
inline constexpr unsigned work_on_value = 100;
inline constexpr unsigned work_locked = 200;
inline constexpr unsigned work_unlocked = 10 * work_locked;

Runner* make_pool_runner(unsigned threads);
/// Null if the program was built without TBB.
Runner* make_tbb_runner(unsigned threads);

/// Whether a queen may stand in `column` of the row behind `rows`.
inline bool is_free(const std::uint8_t* columns, unsigned rows, unsigned column) {
  for (unsigned row = 0; row < rows; ++row) {
    const unsigned distance = rows - row;
    const unsigned other = columns[row];
    if (other == column || other + distance == column || other == column + distance) return false;
  }
  return true;
}

struct Board {
  std::uint8_t columns[16];
};

inline std::uint64_t count_queens(Board board, unsigned n, unsigned row) {
  if (row == n) return 1;
  std::uint64_t count = 0;
  for (unsigned column = 0; column < n; ++column) {
    if (!is_free(board.columns, row, column)) continue;
    board.columns[row] = static_cast<std::uint8_t>(column);
    count += count_queens(board, n, row + 1);
  }
  return count;
}

inline constexpr unsigned block = 32;

struct Matrices {
  unsigned size;
  const std::uint32_t* a;
  const std::uint32_t* b;
  std::uint32_t* product;
};

/// The matrices to multiply, made at the first call: making them is not measured.
inline const Matrices& matrices(unsigned size) {
  static std::vector<std::uint32_t> a(size * size), b(size * size), product(size * size);
  static const Matrices all = [size] {
    for (unsigned i = 0; i < size * size; ++i) a[i] = i / size, b[i] = i % size;
    return Matrices{size, a.data(), b.data(), product.data()};
  }();
  return all;
}

/// Computes one block of the product.
inline void multiply_block(const Matrices& all, unsigned top, unsigned left) {
  for (unsigned row = top; row < top + block; ++row) {
    std::uint32_t sums[block] = {};
    for (unsigned k = 0; k < all.size; ++k) {
      const std::uint32_t factor = all.a[row * all.size + k];
      const std::uint32_t* const line = all.b + std::size_t{k} * all.size + left;
      for (unsigned column = 0; column < block; ++column) sums[column] += factor * line[column];
    }
    for (unsigned column = 0; column < block; ++column) {
      all.product[row * all.size + left + column] = sums[column];
    }
  }
}

}  // namespace bench
