// The fast paths of FramePool and JobPool, which are inlined everywhere.
#pragma once

#include "async/frame_pool.h"
#include "async/job.h"
#include "async/platform.h"

namespace async {

/// Calls `use` with the hart's pool of frames.
template <class Use>
[[gnu::always_inline]] inline auto with_frame_pool(Use use) noexcept {
  platform::InterruptGuard masked;
  return use(platform::local().frames);
}

/// Whether other harts may need the blocks that this hart frees.
inline bool passes_blocks() noexcept {
  if constexpr (platform::parallel_jobs) return true;
  if constexpr (platform::parallel) return platform::local().smp_active;
  return false;
}

inline std::size_t FramePool::aligned(std::size_t bytes, std::align_val_t alignment) noexcept {
  if (alignment <= std::align_val_t{8}) return bytes;
  if (alignment > std::align_val_t{16}) platform::fail("a coroutine's frame is at most 16-aligned");
  return (bytes + 15) / 16 * 16;
}

inline void* FramePool::allocate(std::size_t bytes) noexcept {
  const std::size_t list = list_of(bytes);
  Block* const block = free_[list];
  if (block == nullptr) [[unlikely]]
    return refill(list);
  platform::unpoison(block, bytes);
  free_[list] = block->next;
  return block;
}

inline void FramePool::release(void* memory, std::size_t bytes) noexcept {
  const std::size_t list = list_of(bytes);
  Block* const block = static_cast<Block*>(memory);
  block->next = free_[list];
  free_[list] = block;
  const bool is_full = passes_blocks() && makes_batch(*block, bytes);
  platform::poison(block, bytes);
  if (is_full) [[unlikely]] {
    free_[list] = nullptr;
    platform::put_batch(list, block);
  }
}

/// Counts `block`, the first one of its list, and returns whether the list is long enough to be
/// passed on.
inline bool FramePool::makes_batch(Block& block, std::size_t bytes) noexcept {
  if (bytes < sizeof(CountedBlock)) return false;
  auto& counted = static_cast<CountedBlock&>(block);
  counted.length = 1;
  if (auto* const next = static_cast<CountedBlock*>(block.next)) {
    platform::unpoison(next, sizeof *next);
    counted.length += next->length;
    platform::poison(next, sizeof *next);
  }
  return counted.length >= platform::batch_length(bytes);
}

inline void* JobPool::allocate() noexcept {
  if (free_ == nullptr) [[unlikely]]
    refill();
  Link* const job = free_;
  free_ = job->next;
  return static_cast<Job*>(job);
}

inline void JobPool::release(Job& job) noexcept {
  job.kind = Kind::free;
  job.next = free_;
  free_ = &job;
  if (passes_blocks()) {
    const std::uintptr_t length =
        job.next == nullptr ? 1 : reinterpret_cast<std::uintptr_t>(job.next->prev) + 1;
    job.prev = reinterpret_cast<Link*>(length);
    if (length < platform::batch_length(sizeof(Job))) [[likely]]
      return;
    free_ = nullptr;
    platform::put_batch(platform::job_list, &job);
  }
}

}  // namespace async
