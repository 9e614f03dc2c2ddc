// A random generator: ChaCha20 with a key (RFC 8439, section 2.3). A key that leaks reveals no
// earlier output: every few blocks the generator replaces its key and erases the old one
// (Bernstein, "Fast-key-erasure random-number generators", 2017).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kernel {

class RandomGenerator {
 public:
  /// Mixes `seed` into the key. Later output depends on this seed and on all earlier ones.
  void mix(std::span<const std::byte> seed);
  void fill(std::span<std::byte> out);

  /// Bytes of output since the last mix().
  std::uint64_t bytes_given() const { return given_; }

 private:
  static constexpr std::size_t key_words = 8;
  static constexpr std::size_t blocks_per_key = 4;
  using Block = std::array<std::uint32_t, 16>;

  Block block(std::uint32_t counter) const;
  void renew();

  std::array<std::uint32_t, key_words> key_{};
  // The last `left_` bytes are unused output. All bytes before them are zero: they were output
  // already, or they became the key.
  std::array<std::byte, blocks_per_key * sizeof(Block)> bytes_{};
  std::size_t left_ = 0;
  std::uint64_t given_ = 0;
};

}  // namespace kernel
