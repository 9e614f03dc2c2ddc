// Entity: the data of a job, beyond its priority, that scheduling policies use. Most kernels run
// without a policy, so a Job does not contain its entity. Entities are beside the page of jobs, and
// are allocated when a policy asks for the first entity of a page.
//
// Executor::set_attributes() sets the attributes. The rest belongs to async::policy::Ruled and to
// the policy. The hart whose policy has the job writes its entity; while the job is new or waits,
// any hart in the strand may. Interrupts masked.
#pragma once

#include <atomic>
#include <cstdint>

#include "async/job.h"
#include "async/job_page.h"
#include "async/shared_word.h"
#include "async/time.h"

namespace async {

/// The properties of a job that a caller may give to policies.
struct Attributes {
  static constexpr std::uint32_t usual_weight = 1024;

  Instant deadline = never;             // of the job's present work; absolute time
  std::uint32_t weight = usual_weight;  // the job's share relative to others; at least 1
  Duration budget{0};                   // the time reserved for the job in every `period`; 0: none
  Duration period{0};
  void* owner = nullptr;  // for the caller's own use; policies ignore it
};

struct Entity {
  /// The state of the job for the policy of its hart.
  enum class State : std::uint8_t {
    away,   // new, waiting, or on its way from another hart
    woken,  // its wait has ended, and the policy does not have it yet
    here,   // in the policy's queue, or running
  };
  static constexpr HartNumber nowhere = static_cast<HartNumber>(-1);

  // For Ruled. The first member, so the address of the link is the address of the entity.
  Link movable{};  // in Ruled's ring of movable jobs; null `next`: not in it

  Attributes attributes;

  // For Ruled.
  Job* job = nullptr;
  union {
    std::uint64_t since_ns = 0;  // while running: the time up to which the job has been charged
    std::uint64_t order;         // in a JobHeap: the order among equal keys
  };
  State state = State::away;
  // The hart whose policy had the job last. Other harts read it when their policies change.
  SharedWord<HartNumber> hart = nowhere;

  // The job is in the heap of a mutex's waiters (mutex.h): the strand owns the JobHeap's members
  // below, and the policy does not have the job.
  bool in_waiters = false;

  // For the policy's rules; all 0 for a job that no policy has had yet.
  std::uint8_t level = 0;
  Entity* child = nullptr;    // JobHeap: the first child
  Entity* sibling = nullptr;  // JobHeap: the next sibling
  Entity* before = nullptr;   // JobHeap: the previous sibling; for the first child, the parent
  std::int64_t key = 0;       // JobHeap: the sort key
  std::int64_t credit = 0;
  std::int64_t until_ns = 0;  // when `credit` is renewed
  // Makes sizeof(Entity) a multiple of sizeof(Job): known_entity_of().
  std::int64_t spare[sizeof(Job) == 56 ? 5 : 8]{};
};

/// The entity of a job. The first call for a job of a JobPage allocates the entities of all jobs of
/// that page. Any hart.
Entity& entity_of(const Job& job) noexcept;

/// Whether entity_of() would find the entity without allocating it. Any hart.
inline bool has_entity(const Job& job) noexcept {
  return std::atomic_ref(JobPage::of(job).entities).load(std::memory_order_acquire) != nullptr;
}

/// The entity of a job of `page` among those of all its jobs, which begin at `all`.
inline Entity& entity_among(Entity* all, const JobPage& page, const Job& job) noexcept {
  constexpr std::size_t times = sizeof(Entity) / sizeof(Job);  // avoids a division at run time
  static_assert(sizeof(Entity) == times * sizeof(Job));
  return *reinterpret_cast<Entity*>(reinterpret_cast<std::byte*>(all) +
                                    times * page.bytes_before(job));
}
/// The entity of a job that a policy has had, so it exists.
inline Entity& known_entity_of(const Job& job) noexcept {
  const JobPage& page = JobPage::of(job);
  return entity_among(page.entities, page, job);
}

/// Resets all entities, for the first policy or for the first attributes before it: while no hart
/// had a policy, no entity was kept up to date. In the strand.
void forget_entities() noexcept;
/// Resets the entities of the jobs of `hart` except their attributes, for a new policy of that
/// hart. In the strand.
void forget_entities(unsigned hart) noexcept;

}  // namespace async
