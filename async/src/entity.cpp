// Allocates entities: for a whole page of jobs, when a policy needs the first one.
#include "async/entity.h"

#include <atomic>
#include <memory>

namespace async {
namespace {

constexpr std::size_t chunks = 3;
static_assert(JobPage::most_jobs * sizeof(Entity) <= chunks * chunk_bytes);

/// Several harts may do this for one page at the same time. The first one's entities stay; the
/// memory of the others is never freed. Later calls find the entities, so the loss does not repeat.
[[gnu::noinline]] void make_entities(JobPage& page) noexcept {
  Entity* const made = static_cast<Entity*>(platform::chunk(chunks * chunk_bytes));
  for (std::size_t slot = 0; slot < JobPage::count(); ++slot) {
    Job& job = page.job(slot);
    std::construct_at(&entity_among(made, page, job), Entity{.job = &job});
  }
  Entity* before = nullptr;
  std::atomic_ref(page.entities).compare_exchange_strong(before, made, std::memory_order_acq_rel);
}

template <class Visit>
void for_each_entity(Visit visit) noexcept {
  for (JobPage* page = JobPage::newest(); page != nullptr; page = page->next) {
    Entity* const all = std::atomic_ref(page->entities).load(std::memory_order_acquire);
    for (std::size_t slot = 0; all != nullptr && slot < JobPage::count(); ++slot) {
      visit(entity_among(all, *page, page->job(slot)));
    }
  }
}

}  // namespace

Entity& entity_of(const Job& job) noexcept {
  JobPage& page = JobPage::of(job);
  if (std::atomic_ref(page.entities).load(std::memory_order_acquire) == nullptr) [[unlikely]] {
    make_entities(page);
  }
  return known_entity_of(job);
}

void forget_entities() noexcept {
  for_each_entity([](Entity& entity) { entity = Entity{.job = entity.job}; });
}

void forget_entities(unsigned hart) noexcept {
  for_each_entity([hart](Entity& entity) {
    if (entity.hart != hart) return;
    entity = Entity{.attributes = entity.attributes, .job = entity.job};
  });
}

}  // namespace async
