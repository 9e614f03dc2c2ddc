// Memory for coroutine frames and jobs: free lists by size, filled by carving 4 KiB chunks.
// Allocation and release are a handful of instructions and cannot fail; chunks are never given
// back. There is a set of pools for each hart and one for the strand, each for its own jobs; a
// block that comes back to another pool than its own stays there.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

/// Put before functions off the fast path. The build defines it where the compiler can do more:
/// spare the caller's registers.
#ifndef ASYNC_SLOW_PATH
#define ASYNC_SLOW_PATH [[gnu::cold]]
#endif

namespace async {

inline constexpr std::size_t chunk_bytes = 4096;

/// All with interrupts masked.
class FramePool {
 public:
  /// What to ask for where an alignment of at most 16 is needed, as compilers do for some frames.
  static std::size_t aligned(std::size_t bytes, std::align_val_t alignment) noexcept;

  /// `bytes` of memory, aligned to 8, and to 16 where they are a multiple of 16.
  void* allocate(std::size_t bytes) noexcept;
  /// `bytes` as it was allocated with.
  void release(void* memory, std::size_t bytes) noexcept;

  /// What the platform has given so far, and how much of that is in use. Walks the free lists.
  std::size_t bytes_taken() const noexcept { return taken_; }
  std::size_t bytes_in_use() const noexcept;

 private:
  static constexpr std::size_t small_limit = 1024;  // up to here one list per 8 bytes
  static constexpr std::size_t small_lists = small_limit / 8 + 1;
  static constexpr std::size_t large_lists = 12;  // 2 KiB, 4 KiB, … 4 MiB

  struct Block {
    Block* next;
  };

  static constexpr std::size_t list_of(std::size_t bytes) noexcept {
    if (bytes <= small_limit) return (bytes + 7) / 8;
    return small_lists + (std::bit_width(bytes - 1) - std::bit_width(small_limit));
  }
  static constexpr std::size_t bytes_of(std::size_t list) noexcept {
    return list < small_lists ? list * 8 : (small_limit * 2) << (list - small_lists);
  }
  void give_back(std::size_t bytes) noexcept;
  ASYNC_SLOW_PATH void* refill(std::size_t list) noexcept;  // the slow path: carve a fresh block

  std::array<Block*, small_lists + large_lists> free_{};
  std::byte* carve_ = nullptr;  // the rest of the newest chunk
  std::size_t carve_left_ = 0;
  std::size_t taken_ = 0;
};

class Job;
struct Link;

/// Jobs have pages of their own, so that print_graph() finds them all without a list through them.
class JobPool {
 public:
  /// Memory for one Job.
  void* allocate() noexcept;
  void release(Job& job) noexcept;

 private:
  ASYNC_SLOW_PATH void refill() noexcept;

  Link* free_ = nullptr;  // linked through next
};

}  // namespace async
