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
  platform::poison(block, bytes);
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
}

}  // namespace async
