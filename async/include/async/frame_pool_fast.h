// The fast paths of FramePool and JobPool, which are inlined everywhere.
#pragma once

#include "async/frame_pool.h"
#include "async/job.h"
#include "async/platform.h"

namespace async {

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
  if constexpr (platform::parallel_jobs) count_released(*block, list, bytes);
  platform::poison(block, bytes);
}

/// Passes the list on if it is long enough.
inline void FramePool::count_released(Block& block, std::size_t list, std::size_t bytes) noexcept {
  if (bytes < sizeof(CountedBlock)) return;
  auto& counted = static_cast<CountedBlock&>(block);
  counted.length = block.next == nullptr ? 1 : static_cast<CountedBlock*>(block.next)->length + 1;
  if (counted.length < platform::batch_length(bytes)) [[likely]]
    return;
  free_[list] = nullptr;
  platform::put_batch(list, &block);
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
  if constexpr (platform::parallel_jobs) {
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
