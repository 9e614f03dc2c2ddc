#include "base/random_generator.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kernel {
namespace {

using Words = std::array<std::uint32_t, 16>;

void quarter_round(Words& x, int a, int b, int c, int d) {
  x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 7);
}

}  // namespace

/// The state is four constants, the key, a counter and a nonce. The nonce is 0, because no key is
/// used twice.
RandomGenerator::Block RandomGenerator::block(std::uint32_t counter) const {
  Block start = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  std::ranges::copy(key_, start.begin() + 4);
  start[12] = counter;
  Block x = start;
  for (int double_round = 0; double_round < 10; ++double_round) {
    for (int i = 0; i < 4; ++i) quarter_round(x, i, 4 + i, 8 + i, 12 + i);
    for (int i = 0; i < 4; ++i) {
      quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += start[i];
  return x;
}

void RandomGenerator::renew() {
  for (std::uint32_t i = 0; i < blocks_per_key; ++i) {
    const Block made = block(i);
    std::memcpy(&bytes_[i * sizeof made], made.data(), sizeof made);
  }
  std::memcpy(key_.data(), bytes_.data(), sizeof key_);
  std::memset(bytes_.data(), 0, sizeof key_);
  left_ = bytes_.size() - sizeof key_;
}

void RandomGenerator::mix(std::span<const std::byte> seed) {
  while (!seed.empty()) {
    std::array<std::uint32_t, key_words> words{};
    const std::size_t count = std::min(seed.size(), sizeof words);
    std::memcpy(words.data(), seed.data(), count);
    for (std::size_t i = 0; i < key_words; ++i) key_[i] ^= words[i];
    renew();
    seed = seed.subspan(count);
  }
  left_ = 0;  // drop output that was made before the seed
  std::ranges::fill(bytes_, std::byte{0});
  given_ = 0;
}

void RandomGenerator::fill(std::span<std::byte> out) {
  given_ += out.size();
  while (!out.empty()) {
    if (left_ == 0) renew();
    const std::size_t count = std::min(out.size(), left_);
    std::byte* const from = bytes_.data() + (bytes_.size() - left_);
    std::memcpy(out.data(), from, count);
    std::memset(from, 0, count);
    left_ -= count;
    out = out.subspan(count);
  }
}

}  // namespace kernel
