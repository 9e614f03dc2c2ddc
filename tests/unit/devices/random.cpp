// The random number generator, and when it is seeded.
#include "base/random.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "../async/support.h"
#include "../files/support.h"
#include "base/random_generator.h"

using kernel::RandomGenerator;

namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned>(byte) >> 4];
    text += digits[static_cast<unsigned>(byte) & 15];
  }
  return text;
}

std::vector<std::byte> take(RandomGenerator& generator, std::size_t size) {
  std::vector<std::byte> bytes(size);
  generator.fill(bytes);
  return bytes;
}

std::vector<std::byte> take(std::size_t size) {
  std::vector<std::byte> bytes(size);
  kernel::fill_random(bytes);
  return bytes;
}

constexpr std::array<std::byte, 40> some_seed = {std::byte{1}, std::byte{2}, std::byte{3}};
unsigned times_asked = 0;

}  // namespace

TEST_CASE("the bytes are ChaCha20's, and the first 32 become the next key") {
  // RFC 8439, appendix A.1: test vectors 1 and 2, of the key of zeros.
  RandomGenerator generator;
  CHECK(hex(take(generator, 32)) ==
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
  CHECK(hex(take(generator, 64)) ==
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}

TEST_CASE("the sizes of the requests do not change the bytes") {
  RandomGenerator at_once, by_and_by;
  at_once.mix(some_seed);
  by_and_by.mix(some_seed);
  const auto expected = take(at_once, 1'000);
  std::vector<std::byte> bytes;
  for (std::size_t size = 1; bytes.size() + size <= expected.size(); ++size) {
    const auto piece = take(by_and_by, size);
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  CHECK(std::equal(bytes.begin(), bytes.end(), expected.begin()));
}

TEST_CASE("every byte of a seed changes the output, and earlier seeds still count") {
  RandomGenerator none, seeded;
  seeded.mix(some_seed);
  CHECK(take(none, 32) != take(seeded, 32));
  for (const std::size_t at : {0UL, 31UL, 32UL, 39UL}) {
    auto other_seed = some_seed;
    other_seed[at] ^= std::byte{0x80};
    RandomGenerator first, second;
    first.mix(some_seed);
    second.mix(other_seed);
    CHECK(take(first, 32) != take(second, 32));
    first.mix(some_seed);
    second.mix(some_seed);
    CHECK(take(first, 32) != take(second, 32));
  }
}

TEST_CASE("no bytes repeat, because no key is used twice") {
  RandomGenerator generator;
  generator.mix(some_seed);
  const auto bytes = take(generator, 2'000);
  std::vector<std::vector<std::byte>> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    pieces.emplace_back(bytes.begin() + at, bytes.begin() + at + 8);
  }
  std::ranges::sort(pieces);
  CHECK(std::ranges::adjacent_find(pieces) == pieces.end());
}

TEST_CASE("the generator does not keep bytes that it has returned") {
  RandomGenerator generator;
  generator.mix(some_seed);
  const auto bytes = take(generator, 150);
  const auto inside = std::as_bytes(std::span{&generator, 1});
  for (std::size_t at = 0; at + 8 <= bytes.size(); ++at) {
    REQUIRE(std::search(inside.begin(), inside.end(), bytes.begin() + at, bytes.begin() + at + 8) ==
            inside.end());
  }
}

TEST_CASE("the source is asked at start, after a megabyte and after minutes, once at a time") {
  async_test::Fixture world;
  kernel::seed_random(some_seed);
  times_asked = 0;
  kernel::set_entropy_source([] { ++times_asked; });
  CHECK(times_asked == 1);
  (void)take(3 << 20);
  CHECK(times_asked == 1);  // the device has not answered yet

  const std::array<std::byte, kernel::entropy_bytes> fresh = {std::byte{9}};
  kernel::give_entropy(fresh);
  (void)take(100);
  CHECK(times_asked == 1);
  CHECK(std::ranges::count(test::log_lines, "random: seeded by the machine's entropy device") == 1);
  (void)take(2 << 20);
  CHECK(times_asked == 2);
  kernel::give_entropy(fresh);
  (void)take(100);
  CHECK(times_asked == 2);
  world.advance(std::chrono::minutes{6});
  (void)take(1);
  CHECK(times_asked == 3);
  kernel::give_entropy({});  // the device had no entropy
  (void)take(1);
  CHECK(times_asked == 3);
}
