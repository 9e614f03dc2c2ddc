// Random bytes from a key, by ChaCha20 (RFC 8439, section 2.3). Whoever learns the key learns
// nothing about what was given out before: with every few bytes comes a new key, and the old one is
// forgotten (Bernstein, "Fast-key-erasure random-number generators", 2017).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kernel {

class RandomGenerator {
 public:
  /// What is given out from now on depends on `seed`, and on all seeds before.
  void mix(std::span<const std::byte> seed);
  void fill(std::span<std::byte> out);

  /// Since the last mix().
  std::uint64_t bytes_given() const { return given_; }

 private:
  static constexpr std::size_t key_words = 8;
  static constexpr std::size_t blocks_per_key = 4;
  using Block = std::array<std::uint32_t, 16>;

  Block block(std::uint32_t counter) const;
  void renew();

  std::array<std::uint32_t, key_words> key_{};
  // What is left for fill() is at the end. Bytes that were given out, and those that became the
  // key, are zero.
  std::array<std::byte, blocks_per_key * sizeof(Block)> bytes_{};
  std::size_t left_ = 0;
  std::uint64_t given_ = 0;
};

}  // namespace kernel
