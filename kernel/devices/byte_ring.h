// Bytes from one side to the other without a lock: one puts them in, one takes them out, at the
// same time or not. Which side is whose is up to the owner of the ring.
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
  static_assert((capacity & (capacity - 1)) == 0, "counts wrap around where places do");

 public:
  // ── Either side: it is at least so much, because the other side only makes it more ──

  std::size_t free() const { return capacity - size(); }
  bool empty() const { return size() == 0; }

  // ── Who puts ──

  /// Places that are free, side by side: all, or up to where the ring wraps around.
  std::span<char> room() {
    const std::uint32_t at = put_.load(std::memory_order_relaxed) % capacity;
    return std::span{bytes_}.subspan(at, std::min<std::size_t>(free(), capacity - at));
  }
  /// The free place `offset` bytes behind the first one, across the end of the ring.
  char& place(std::size_t offset) {
    return bytes_[(put_.load(std::memory_order_relaxed) + offset) % capacity];
  }
  /// The first `count` free places have been filled.
  void put(std::size_t count) {
    const std::uint32_t at = put_.load(std::memory_order_relaxed);
    put_.store(at + static_cast<std::uint32_t>(count), std::memory_order_release);
  }

  // ── Who takes ──

  /// Bytes that are there, side by side.
  std::span<const char> front() const {
    const std::uint32_t at = taken_.load(std::memory_order_relaxed) % capacity;
    return std::span{bytes_}.subspan(at, std::min<std::size_t>(size(), capacity - at));
  }
  /// The first `count` of them are used up.
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
