#include "boot/random.h"

#include <hal/timer.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace kernel {
namespace {

using Block = std::array<std::uint32_t, 16>;

// The state of RFC 8439 section 2.3: four constants, eight words of key, a counter, a nonce.
constinit Block state = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

void quarter_round(Block& x, int a, int b, int c, int d) {
  x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 7);
}

Block next_block() {
  Block x = state;
  for (int double_round = 0; double_round < 10; ++double_round) {
    for (int i = 0; i < 4; ++i) quarter_round(x, i, 4 + i, 8 + i, 12 + i);
    for (int i = 0; i < 4; ++i) {
      quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += state[i];
  if (++state[12] == 0) ++state[13];
  return x;
}

// What is left of the last block. Bytes that were given out are forgotten.
constinit std::array<std::byte, sizeof(Block)> left_bytes{};
constinit std::size_t left = 0;

}  // namespace

void seed_random(std::span<const std::byte> seed) {
  constexpr std::size_t key_bytes = 32;
  std::memcpy(&state[4], seed.data(), std::min(seed.size(), key_bytes));
  const std::uint64_t now = hal::now_ns();
  state[14] ^= static_cast<std::uint32_t>(now);
  state[15] ^= static_cast<std::uint32_t>(now >> 32);
}

void fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    if (left == 0) {
      left_bytes = std::bit_cast<decltype(left_bytes)>(next_block());
      left = left_bytes.size();
    }
    const std::size_t count = std::min(out.size(), left);
    std::byte* from = left_bytes.data() + (left - count);
    std::memcpy(out.data(), from, count);
    std::memset(from, 0, count);
    left -= count;
    out = out.subspan(count);
  }
}

}  // namespace kernel
