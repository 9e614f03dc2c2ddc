// Random numbers, the same on every host and with every standard library, and the distributions
// that workloads name.
#pragma once

#include <cmath>
#include <cstdint>

namespace async::sim {

/// xoshiro256++ (D. Blackman, S. Vigna: Scrambled Linear Pseudorandom Number Generators, ACM TOMS
/// 2021), its state filled by splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) noexcept {
    std::uint64_t state = seed * 0x9e3779b97f4a7c15 + stream;
    for (std::uint64_t& word : state_) {
      state += 0x9e3779b97f4a7c15;
      std::uint64_t mixed = state;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      word = mixed ^ (mixed >> 31);
    }
  }
  std::uint64_t next() noexcept {
    const std::uint64_t result = rotated(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotated(state_[3], 45);
    return result;
  }
  /// Uniform in (0, 1].
  double unit() noexcept { return (static_cast<double>(next() >> 11) + 1) * 0x1p-53; }

 private:
  static std::uint64_t rotated(std::uint64_t word, int by) noexcept {
    return word << by | word >> (64 - by);
  }
  std::uint64_t state_[4];
};

/// A distribution of times, in nanoseconds.
struct Distribution {
  enum class Kind : std::uint8_t { constant, exponential, uniform, either, pareto };
  Kind kind = Kind::constant;
  double a = 0;      // constant: the value; exponential: the mean; uniform: the least; either: the
                     // first; pareto: the least
  double b = 0;      // uniform: the greatest; either: the second; pareto: the shape (above 1)
  double share = 0;  // either: the probability of the first, 0 … 1

  double mean() const noexcept {
    switch (kind) {
      case Kind::constant:
      case Kind::exponential: return a;
      case Kind::uniform: return (a + b) / 2;
      case Kind::either: return share * a + (1 - share) * b;
      case Kind::pareto: return a * b / (b - 1);
    }
    return 0;
  }
  std::uint64_t draw(Random& random) const noexcept {
    switch (kind) {
      case Kind::constant: return static_cast<std::uint64_t>(a);
      case Kind::exponential: return static_cast<std::uint64_t>(-a * std::log(random.unit()));
      case Kind::uniform: return static_cast<std::uint64_t>(a + (b - a) * random.unit());
      case Kind::either: return static_cast<std::uint64_t>(random.unit() <= share ? a : b);
      case Kind::pareto: return static_cast<std::uint64_t>(a * std::pow(random.unit(), -1 / b));
    }
    return 0;
  }
};

}  // namespace async::sim
