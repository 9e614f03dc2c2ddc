#include <user/histogram.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace {

using Histogram = user::Histogram<8>;
constexpr auto largest = std::numeric_limits<std::uint64_t>::max();

std::vector<std::pair<std::uint64_t, std::uint64_t>> contents(const Histogram& histogram) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  histogram.for_each([&](auto value, auto times) { seen.emplace_back(value, times); });
  return seen;
}

TEST_CASE("a histogram stores values below 256 exactly") {
  for (std::uint64_t value = 0; value < 256; ++value) {
    CHECK(Histogram::highest_of(Histogram::bucket_of(value)) == value);
  }
}

TEST_CASE("buckets are adjacent, and none is wider than 1/128 of its values") {
  const auto last = Histogram::bucket_of(largest);
  CHECK(Histogram::highest_of(last) == largest);
  for (std::size_t bucket = 0; bucket < last; ++bucket) {
    const auto highest = Histogram::highest_of(bucket);
    REQUIRE(Histogram::bucket_of(highest) == bucket);
    REQUIRE(Histogram::bucket_of(highest + 1) == bucket + 1);
    const auto width = Histogram::highest_of(bucket + 1) - highest;
    REQUIRE((width == 1 || width <= highest / 128 + 1));
  }
}

TEST_CASE("recorded values come back in order, and the largest exactly") {
  const auto histogram = std::make_unique<Histogram>();
  for (const auto value : {1'000'003ul, 5ul, 5ul, 70'000ul}) histogram->record(value);
  const auto seen = contents(*histogram);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0] == std::pair{5ul, 2ul});
  CHECK(seen[1].first >= 70'000);
  CHECK(seen[1].first <= 70'000 + 70'000 / 128);
  CHECK(seen[2] == std::pair{1'000'003ul, 1ul});
  CHECK(histogram->total() == 4);
  CHECK(histogram->max() == 1'000'003);
}

TEST_CASE("a quantile is the least value with at least that share of values at or below it") {
  const auto histogram = std::make_unique<Histogram>();
  CHECK(histogram->quantile(0.5) == 0);
  for (std::uint64_t value = 1; value <= 100; ++value) histogram->record(value);
  CHECK(histogram->quantile(0) == 1);
  CHECK(histogram->quantile(0.5) == 50);
  CHECK(histogram->quantile(0.99) == 99);
  CHECK(histogram->quantile(1) == 100);
}

TEST_CASE("a sum of histograms equals one histogram of all values") {
  const auto one = std::make_unique<Histogram>(), other = std::make_unique<Histogram>(),
             both = std::make_unique<Histogram>();
  for (std::uint64_t value = 1; value < 1'000'000; value = value * 3 + 1) {
    (value % 2 == 0 ? one : other)->record(value);
    both->record(value);
  }
  one->add(*other);
  CHECK(contents(*one) == contents(*both));
  CHECK(one->total() == both->total());
  CHECK(one->max() == both->max());
}

}  // namespace
