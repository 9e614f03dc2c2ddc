// Memory for coroutine frames and jobs: free lists by size, filled from 4 KiB chunks. Allocation
// and release take a few instructions and cannot fail. Pools never return chunks to the platform.
//
// Each hart has its own pools. A block that is released into another pool than it came from stays
// in that pool. If several harts run, a pool passes free blocks on, in batches, so that the harts
// that free them do not keep them all (platform::put_batch() and take_batch()). So harts that
// allocate and free at the same time seldom write common data (J. Bonwick, J. Adams: Magazines and
// Vmem, USENIX 2001).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

/// Marks functions off the fast path. The build defines it if the compiler has a better attribute,
/// with which a call preserves the caller's registers.
#ifndef ASYNC_SLOW_PATH
#define ASYNC_SLOW_PATH [[gnu::cold]]
#endif

namespace async {

inline constexpr std::size_t chunk_bytes = 4096;

/// Call all functions with interrupts masked, on the pool's hart.
class FramePool {
 public:
  /// The size to allocate for `bytes` with `alignment`. Compilers ask for 16-aligned frames;
  /// with a larger alignment it calls platform::fail().
  static std::size_t aligned(std::size_t bytes, std::align_val_t alignment) noexcept;

  /// Allocates `bytes` of memory, aligned to 16 if `bytes` is a multiple of 16, else to 8.
  void* allocate(std::size_t bytes) noexcept;
  /// Releases memory. `bytes` must be the number that was allocated.
  void release(void* memory, std::size_t bytes) noexcept;

  /// Passes all free blocks on. Only in worlds with parallel jobs, when a thread ends.
  void give_all() noexcept;

  /// The bytes that the pool has taken from the platform so far.
  std::size_t bytes_taken() const noexcept { return taken_; }
  /// How many of the bytes_taken() are allocated now. Walks the free lists.
  std::size_t bytes_in_use() const noexcept;

 private:
  static constexpr std::size_t small_limit = 1024;  // a list for each multiple of 8 up to this
  static constexpr std::size_t small_lists = small_limit / 8 + 1;
  static constexpr std::size_t large_lists = 12;  // 2 KiB, 4 KiB, … 4 MiB

  struct Block {
    Block* next;
  };
  // If blocks are passed on, a free block of at least this size. The length of the list from it on
  // is wrong if it was freed before other harts ran; then the batch has another length than usual.
  struct CountedBlock : Block {
    std::size_t length;
  };

  // Blocks of this size and larger ones have cache lines of their own, because harts may run their
  // coroutines at the same time. The kernel's coroutine of a user thread has exactly this size.
  static constexpr std::size_t lined_limit = 64, cache_line = 64;

  static constexpr std::size_t list_of(std::size_t bytes) noexcept {
    if (bytes >= lined_limit) bytes = (bytes + cache_line - 1) / cache_line * cache_line;
    if (bytes <= small_limit) return (bytes + 7) / 8;
    return small_lists + (std::bit_width(bytes - 1) - std::bit_width(small_limit));
  }
  static constexpr std::size_t bytes_of(std::size_t list) noexcept {
    return list < small_lists ? list * 8 : (small_limit * 2) << (list - small_lists);
  }
  void give_back(std::size_t bytes) noexcept;
  void give_back_rest() noexcept;
  static bool makes_batch(Block& block, std::size_t bytes) noexcept;
  ASYNC_SLOW_PATH void* refill(std::size_t list) noexcept;  // makes a new block; `list` is empty

  std::array<Block*, small_lists + large_lists> free_{};
  std::byte* carve_ = nullptr;  // the unused rest of the newest chunk
  std::size_t carve_left_ = 0;
  std::size_t taken_ = 0;
};

class Job;
struct Link;

/// Memory for jobs. Jobs have pages of their own, so that print_graph() finds all jobs without a
/// list that links them. Interrupts masked, on the pool's hart.
class JobPool {
 public:
  /// Allocates memory for one Job.
  void* allocate() noexcept;
  void release(Job& job) noexcept;
  /// Passes all free slots on. Only in worlds with parallel jobs.
  void give_all() noexcept;

 private:
  ASYNC_SLOW_PATH void refill() noexcept;

  Link* free_ = nullptr;  // linked through next. If jobs are passed on, prev: the length
};

}  // namespace async
