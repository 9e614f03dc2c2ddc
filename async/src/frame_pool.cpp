// The slow paths of the pools: a free list was empty, so carve a chunk.
#include "async/frame_pool.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "async/entity.h"
#include "async/frame_pool_fast.h"
#include "async/graph.h"

namespace async {

void* FramePool::refill(std::size_t list) noexcept {
  const std::size_t bytes = bytes_of(list);
  if (bytes >= chunk_bytes) {
    taken_ += bytes;
    return platform::chunk(bytes);
  }
  if (carve_left_ < bytes) {
    // The rest of the old chunk is a multiple of 8: cut it into blocks that later requests can use.
    while (carve_left_ != 0) {
      const std::size_t piece = carve_left_ < small_limit ? carve_left_ : small_limit;
      carve_left_ -= piece;
      release(carve_ + carve_left_, piece);
    }
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

/// A page of jobs; all pages of all harts are linked, and never given back.
struct JobPage {
  static constexpr std::size_t count = (chunk_bytes - 2 * sizeof(void*)) / sizeof(Job);

  JobPage* next;
  std::atomic<Entity*> entities;  // as many; null until a policy asks for one
  std::byte slots[count][sizeof(Job)];

  Job& job(std::size_t slot) noexcept { return *reinterpret_cast<Job*>(slots[slot]); }
};
static_assert(sizeof(JobPage) <= chunk_bytes);
static_assert(JobPage::count * sizeof(Entity) <= 2 * chunk_bytes);

constinit std::atomic<JobPage*> job_pages = nullptr;

}  // namespace

void JobPool::refill() noexcept {
  JobPage* const page = static_cast<JobPage*>(platform::chunk(chunk_bytes));
  page->entities = nullptr;
  for (std::size_t slot = JobPage::count; slot-- > 0;) release(page->job(slot));
  page->next = job_pages.load(std::memory_order_relaxed);
  while (!job_pages.compare_exchange_weak(page->next, page, std::memory_order_release)) {
  }
}

namespace {

/// Of two harts that find none at once one has made its own for nothing, once.
[[gnu::noinline]] Entity* make_entities(JobPage& page) noexcept {
  Entity* const made = static_cast<Entity*>(platform::chunk(2 * chunk_bytes));
  std::uninitialized_default_construct_n(made, JobPage::count);
  Entity* before = nullptr;
  return page.entities.compare_exchange_strong(before, made, std::memory_order_acq_rel) ? made
                                                                                        : before;
}

}  // namespace

Entity& entity_of(const Job& job) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(&job);
  JobPage& page = *reinterpret_cast<JobPage*>(address & ~(chunk_bytes - 1));
  const std::size_t slot = (address - reinterpret_cast<std::uintptr_t>(page.slots)) / sizeof(Job);
  Entity* entities = page.entities.load(std::memory_order_acquire);
  if (entities == nullptr) [[unlikely]]
    entities = make_entities(page);
  Entity& entity = entities[slot];
  entity.job = const_cast<Job*>(&job);
  return entity;
}

void forget_entities() noexcept {
  for (JobPage* page = job_pages.load(std::memory_order_acquire); page; page = page->next) {
    if (Entity* const all = page->entities) std::fill_n(all, JobPage::count, Entity{});
  }
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winvalid-offsetof"  // it has a base, and all is where it seems
JobLayout job_layout() noexcept {
  return Job::layout({.pages = reinterpret_cast<std::uint64_t>(&job_pages),
                      .first = offsetof(JobPage, slots),
                      .bytes = sizeof(Job),
                      .count = JobPage::count});
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
#pragma clang diagnostic pop

void for_each_job(void (*visit)(void* context, const Job& job), void* context) noexcept {
  for (JobPage* page = job_pages.load(std::memory_order_acquire); page; page = page->next) {
    for (std::size_t slot = 0; slot < JobPage::count; ++slot) {
      if (page->job(slot).kind != Kind::free) visit(context, page->job(slot));
    }
  }
}

}  // namespace async
