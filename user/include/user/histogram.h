// A log-linear histogram (as HDR Histogram): counts values of any range in fixed memory. The width
// of a bucket depends on the leading `precision` bits of its values. Values below 2^precision have
// a bucket each. Any other bucket is at most 2^(1 - precision) of its values wide.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace user {

template <unsigned precision = 8>
class Histogram {
 public:
  /// Takes a few instructions. Not thread-safe.
  void record(std::uint64_t value) {
    ++counts_[bucket_of(value)];
    ++total_;
    max_ = std::max(max_, value);
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }

  std::uint64_t total() const { return total_; }
  /// The exact largest value; 0 if there is none.
  std::uint64_t max() const { return max_; }

  /// Calls seen(value, times) for each bucket that is not empty, in ascending order. `value` is the
  /// upper bound of the bucket, or max() if that is less.
  template <class Seen>
  void for_each(Seen seen) const {
    for (std::size_t i = 0; i < buckets; ++i) {
      if (counts_[i] != 0) seen(std::min(highest_of(i), max_), counts_[i]);
    }
  }

  /// The least value, as in for_each(), such that `share` (0 to 1) of all values are not above it.
  /// 0 if there is none.
  std::uint64_t quantile(double share) const {
    const auto before = static_cast<double>(total_) * share;
    std::uint64_t passed = 0, found = max_;
    bool over = false;
    for_each([&](std::uint64_t value, std::uint64_t times) {
      passed += times;
      if (over || static_cast<double>(passed) < before) return;
      over = true;
      found = value;
    });
    return found;
  }

  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < linear) return value;
    // The number of low bits that the bucket ignores.
    const unsigned shift = std::bit_width(value) - precision;
    return shift * half + (value >> shift);
  }
  static constexpr std::uint64_t highest_of(std::size_t bucket) {
    if (bucket < linear) return bucket;
    const unsigned shift = static_cast<unsigned>((bucket - half) / half);
    const std::uint64_t leading = bucket - shift * half;
    return (leading << shift) + ((std::uint64_t{1} << shift) - 1);
  }

 private:
  static_assert(precision >= 1 && precision <= 16);
  static constexpr std::size_t linear = std::size_t{1} << precision;
  static constexpr std::size_t half = linear / 2;
  static constexpr std::size_t buckets = bucket_of(~std::uint64_t{0}) + 1;

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t total_ = 0, max_ = 0;
};

}  // namespace user
