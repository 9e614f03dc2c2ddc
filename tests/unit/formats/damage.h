// Ways to damage a valid file. A reader must not crash, and must not read outside the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace test {

using Blob = std::vector<std::byte>;

/// A copy whose memory ends exactly at its last byte, so that AddressSanitizer catches a read past
/// the end.
class ExactCopy {
 public:
  explicit ExactCopy(std::span<const std::byte> bytes)
      : size_(bytes.size()), bytes_(new std::byte[bytes.size()]) {
    if (size_ > 0) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  std::span<const std::byte> view() const { return {bytes_.get(), size_}; }
  std::byte& operator[](std::size_t index) { return bytes_[index]; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

/// Calls read(span) with the first 0, 1, 2 … bytes of `good`, but not all of them.
template <class Read>
void truncate_everywhere(const Blob& good, Read read) {
  for (std::size_t size = 0; size < good.size(); ++size) {
    read(ExactCopy(std::span(good).first(size)).view());
  }
}

/// Calls read(span) with `count` copies of `good` in which one to four random bits are flipped,
/// all of them below `limit`.
template <class Read>
void flip_bits(const Blob& good, std::size_t limit, int count, Read read) {
  std::uint64_t state = 88172645463325252;
  const auto random = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state >> 8;
  };
  for (int i = 0; i < count; ++i) {
    ExactCopy bad(good);
    for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      bad[random() % limit] ^= static_cast<std::byte>(1 << random() % 8);
    }
    read(bad.view());
  }
}

}  // namespace test
