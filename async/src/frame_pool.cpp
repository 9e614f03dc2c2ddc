// The slow paths of the pools: if a free list is empty, they cut a block from a chunk.
#include "async/frame_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <utility>

#include "async/entity.h"
#include "async/executor.h"
#include "async/frame_pool_fast.h"
#include "async/graph.h"
#include "async/job_page.h"
#include "async/leaf_lock.h"

namespace async {

// ── The store of batches, in worlds that have none of their own ──────────────────────────────────

namespace {

/// A batch in the store. It overlays the first two words of the batch's first block, which is a
/// FramePool::CountedBlock or a Link. take_batch() makes the second word a length again.
struct Batch {
  void* next_block;
  Batch* below;
};

struct alignas(64) Store {
  LeafLock lock;
  std::array<Batch*, platform_defaults::lists> tops{};
};
constinit Store store;

}  // namespace

void platform_defaults::put_batch(std::size_t list, void* batch) noexcept {
  const LeafLock::Guard lock{store.lock};
  auto* const added = static_cast<Batch*>(batch);
  platform::unpoison(added, sizeof *added);
  added->below = std::exchange(store.tops[list], added);
  platform::poison(added, sizeof *added);
}

void* platform_defaults::take_batch(std::size_t list) noexcept {
  const LeafLock::Guard lock{store.lock};
  Batch* const taken = store.tops[list];
  if (taken == nullptr) return nullptr;
  platform::unpoison(taken, sizeof *taken);
  store.tops[list] = taken->below;
  // The length is too small, so the hart may keep up to two batches.
  taken->below = reinterpret_cast<Batch*>(std::uintptr_t{1});
  return taken;
}

/// Releases the last `bytes` of the present chunk's unused rest into a free list.
void FramePool::give_back(std::size_t bytes) noexcept {
  carve_left_ -= bytes;
  release(carve_ + carve_left_, bytes);
}

/// Cuts the rest of the chunk, a multiple of 8, into free blocks for later requests.
void FramePool::give_back_rest() noexcept {
  if (const std::size_t odd = carve_left_ % cache_line; odd != 0) give_back(odd);
  while (carve_left_ != 0) give_back(std::min(carve_left_, small_limit));
}

void* FramePool::refill(std::size_t list) noexcept {
  static_assert(small_lists + large_lists <= platform::lists);
  const std::size_t bytes = bytes_of(list);
  if (passes_blocks()) {
    if (void* const batch = platform::take_batch(list)) {
      free_[list] = static_cast<Block*>(batch);
      return allocate(bytes);
    }
  }
  if (bytes >= chunk_bytes) {
    taken_ += bytes;
    return platform::chunk(bytes);
  }
  const std::size_t unit = bytes >= lined_limit ? cache_line : bytes % 16 == 0 ? 16 : 8;
  if (const std::size_t odd = carve_left_ % unit; odd != 0) give_back(odd);
  if (carve_left_ < bytes) {
    give_back_rest();
    carve_ = static_cast<std::byte*>(platform::chunk(chunk_bytes));
    carve_left_ = chunk_bytes;
    taken_ += chunk_bytes;
  }
  carve_left_ -= bytes;
  return carve_ + carve_left_;
}

std::size_t FramePool::bytes_in_use() const noexcept {
  std::size_t unused = carve_left_;
  for (std::size_t list = 0; list < free_.size(); ++list) {
    for (Block* block = free_[list]; block != nullptr;) {
      unused += bytes_of(list);
      platform::unpoison(block, sizeof(Block));
      Block* const next = block->next;
      platform::poison(block, sizeof(Block));
      block = next;
    }
  }
  return taken_ - unused;
}

namespace {

constinit std::atomic<JobPage*> job_pages = nullptr;

}  // namespace

constinit std::size_t JobPage::stride = sizeof(Job);

JobPage* JobPage::newest() noexcept {
  return job_pages.load(std::memory_order_acquire);
}

void JobPool::refill() noexcept {
  if (passes_blocks()) {
    free_ = static_cast<Link*>(platform::take_batch(platform::job_list));
    if (free_ != nullptr) return;
  }
  JobPage* const page = static_cast<JobPage*>(platform::chunk(chunk_bytes));
  page->entities = nullptr;
  page->harts = nullptr;
  for (MutexWaiters*& contended : page->contended) contended = nullptr;
  for (std::size_t slot = JobPage::count(); slot-- > 0;) release(page->job(slot));
  page->next = job_pages.load(std::memory_order_relaxed);
  while (!job_pages.compare_exchange_weak(page->next, page, std::memory_order_release)) {
  }
}

// ── Sets of harts that no byte of a Job can hold ──

HartMask Job::listed() const noexcept {
  JobPage& page = JobPage::of(*this);
  return std::atomic_ref(page.harts).load(std::memory_order_acquire)[page.slot_of(*this)];
}

/// Allocates the sets of all jobs of the page for the first one. Several harts may do this at the
/// same time: the first one's memory stays, and that of the others is never freed.
void Job::list(HartMask harts) noexcept {
  JobPage& page = JobPage::of(*this);
  HartMask* all = std::atomic_ref(page.harts).load(std::memory_order_acquire);
  if (all == nullptr) {
    constexpr std::size_t bytes = JobPage::most_jobs * sizeof(HartMask);
    constexpr std::size_t chunks = (bytes + chunk_bytes - 1) / chunk_bytes;
    HartMask* const made = static_cast<HartMask*>(platform::chunk(chunks * chunk_bytes));
    const bool stays =
        std::atomic_ref(page.harts).compare_exchange_strong(all, made, std::memory_order_acq_rel);
    if (stays) all = made;
  }
  all[page.slot_of(*this)] = harts;
  harts_ = listed_harts;
}

// Job has a base class. Clang and GCC support offsetof in such a class.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
JobLayout job_layout() noexcept {
  return Job::layout({.pages = reinterpret_cast<std::uint64_t>(&job_pages),
                      .first = static_cast<std::uint16_t>(JobPage::stride),
                      .bytes = static_cast<std::uint16_t>(JobPage::stride),
                      .count = static_cast<std::uint16_t>(JobPage::count())});
}

JobLayout Job::layout(JobLayout pages) noexcept {
  JobLayout all = pages;
  all.kind = offsetof(Job, kind);
  all.priority = offsetof(Job, priority);
  all.hart = offsetof(Job, hart);
  all.leaf = offsetof(Job, leaf_);
  all.name = offsetof(Job, name_);
  all.reason = offsetof(Job, reason_);
  all.waits_for = offsetof(Job, waits_for_);
  return all;
}
#pragma GCC diagnostic pop

void for_each_job(void (*visit)(void* context, const Job& job), void* context) noexcept {
  for (JobPage* page = JobPage::newest(); page != nullptr; page = page->next) {
    for (std::size_t slot = 0; slot < JobPage::count(); ++slot) {
      if (page->job(slot).kind != Kind::free) visit(context, page->job(slot));
    }
  }
}

}  // namespace async
