// A lock-free ring of bytes with one producer and one consumer, which may run at the same time. The
// owner of the ring decides which code is which.
//
// put() and take() store a counter with release. size() loads both with acquire, so each side sees
// the bytes or the space that the other side has published.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kernel {

template <std::uint32_t capacity>
class ByteRing {
  static_assert((capacity & (capacity - 1)) == 0, "the capacity must be a power of two");

 public:
  // ── Either side: meanwhile the other side may free more space, or put more bytes ──

  std::size_t free() const { return capacity - size(); }
  bool empty() const { return size() == 0; }

  // ── The producer ──

  /// The contiguous free space, up to the point where the ring wraps around.
  std::span<char> room() {
    const std::uint32_t at = put_.load(std::memory_order_relaxed) % capacity;
    return std::span{bytes_}.subspan(at, std::min<std::size_t>(free(), capacity - at));
  }
  /// The free byte `offset` bytes behind the first free one. Wraps around.
  char& place(std::size_t offset) {
    return bytes_[(put_.load(std::memory_order_relaxed) + offset) % capacity];
  }
  /// Publishes the first `count` bytes of the free space.
  void put(std::size_t count) {
    const std::uint32_t at = put_.load(std::memory_order_relaxed);
    put_.store(at + static_cast<std::uint32_t>(count), std::memory_order_release);
  }

  // ── The consumer ──

  /// The contiguous bytes at the front.
  std::span<const char> front() const {
    const std::uint32_t at = taken_.load(std::memory_order_relaxed) % capacity;
    return std::span{bytes_}.subspan(at, std::min<std::size_t>(size(), capacity - at));
  }
  /// Frees the first `count` bytes.
  void take(std::size_t count) {
    const std::uint32_t at = taken_.load(std::memory_order_relaxed);
    taken_.store(at + static_cast<std::uint32_t>(count), std::memory_order_release);
  }

 private:
  std::uint32_t size() const {
    return put_.load(std::memory_order_acquire) - taken_.load(std::memory_order_acquire);
  }

  std::atomic<std::uint32_t> put_ = 0;
  std::atomic<std::uint32_t> taken_ = 0;
  std::array<char, capacity> bytes_{};
};

}  // namespace kernel
