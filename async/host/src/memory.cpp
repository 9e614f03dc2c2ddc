// Memory for frames and jobs. It stays with the process: what one thread frees, any thread may use.
//
// A thread keeps two batches of free blocks of each size: the list that it uses, in its FramePool,
// and a spare one here. So a thread that allocates and frees in turn acquires no lock. Other full
// batches go to a store for all threads (J. Bonwick, J. Adams: Magazines and Vmem, USENIX 2001).
#include <async_platform.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "async/frame_pool_fast.h"

namespace async {
namespace platform {
namespace {

struct Store {
  std::mutex mutex;
  std::array<std::vector<void*>, lists> batches;
  std::array<std::atomic<std::size_t>, lists> counts{};  // read without the lock
  // Chunks are cut from arenas. All of them are here, for tools that look for leaks.
  std::vector<void*> arenas;
  std::size_t bytes_taken = 0;
  std::byte* arena = nullptr;
  std::size_t left = 0;
};

/// Never destroyed: threads may end after static objects are.
Store& store() {
  static Store& only = *new Store;
  return only;
}

constinit thread_local std::array<void*, lists> spares{};

constexpr std::size_t arena_bytes = 256 * 1024;

void append(std::vector<void*>& list, void* memory) noexcept {
  try {
    list.push_back(memory);
  } catch (const std::bad_alloc&) {
    fail("out of memory");
  }
}

void* allocate(Store& all, std::size_t bytes) {
  void* const memory = std::aligned_alloc(chunk_bytes, bytes);
  if (memory == nullptr) fail("out of memory");
  append(all.arenas, memory);
  all.bytes_taken += bytes;
  return memory;
}

void put_in_store(std::size_t list, void* batch) {
  Store& all = store();
  const std::lock_guard lock(all.mutex);
  append(all.batches[list], batch);
  all.counts[list].store(all.batches[list].size(), std::memory_order_relaxed);
}

}  // namespace

void* chunk(std::size_t bytes) noexcept {
  Store& all = store();
  const std::lock_guard lock(all.mutex);
  if (bytes > arena_bytes / 4) return allocate(all, bytes);
  if (all.left < bytes) {
    all.arena = static_cast<std::byte*>(allocate(all, arena_bytes));
    all.left = arena_bytes;
  }
  all.left -= bytes;
  return std::exchange(all.arena, all.arena + bytes);
}

std::size_t bytes_taken() noexcept {
  Store& all = store();
  const std::lock_guard lock(all.mutex);
  return all.bytes_taken;
}

void put_batch(std::size_t list, void* batch) noexcept {
  void* const before = std::exchange(spares[list], batch);
  if (before != nullptr) put_in_store(list, before);
}

void* take_batch(std::size_t list) noexcept {
  if (void* const spare = std::exchange(spares[list], nullptr)) return spare;
  Store& all = store();
  if (all.counts[list].load(std::memory_order_relaxed) == 0) return nullptr;
  const std::lock_guard lock(all.mutex);
  std::vector<void*>& batches = all.batches[list];
  if (batches.empty()) return nullptr;
  void* const batch = batches.back();
  batches.pop_back();
  all.counts[list].store(batches.size(), std::memory_order_relaxed);
  return batch;
}

void give_spare_batches() noexcept {
  for (std::size_t list = 0; list < lists; ++list) {
    if (void* const spare = std::exchange(spares[list], nullptr)) put_in_store(list, spare);
  }
}

}  // namespace platform

void FramePool::give_all() noexcept {
  static_assert(small_lists + large_lists <= platform::lists);
  give_back_rest();
  for (std::size_t list = 1; list < free_.size(); ++list) {
    if (Block* const first = std::exchange(free_[list], nullptr)) {
      platform::put_in_store(list, first);
    }
  }
}

void JobPool::give_all() noexcept {
  if (free_ != nullptr) platform::put_in_store(platform::job_list, std::exchange(free_, nullptr));
}

}  // namespace async
