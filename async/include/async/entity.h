// Entity: what scheduling policies know of a job beyond its priority. Jobs are small, and most
// kernels run with the executor's own priorities alone, so entities are kept beside the jobs'
// pages, and only from when a policy asks for the first one of a page.
//
// The first part is said by whoever knows the job, with Executor::set_attributes(); the rest is
// kept by async::Policy and by the policy itself. In the strand, interrupts masked.
#pragma once

#include <cstdint>

#include "async/job.h"
#include "async/job_page.h"
#include "async/shared_word.h"
#include "async/time.h"

namespace async {

/// What a policy may be told of a job.
struct Attributes {
  static constexpr std::uint32_t usual_weight = 1024;

  Instant deadline = never;             // of its present piece of work; absolute
  std::uint32_t weight = usual_weight;  // its share in proportion to the others', from 1 up
  Duration budget{0};  // how much it may run every `period`; 0: nothing is reserved
  Duration period{0};
  void* owner = nullptr;  // whoever has said this may find itself again; policies do not look
};

struct Entity {
  /// What its job is to the policy of its hart.
  enum class State : std::uint8_t {
    away,   // new, waiting, or on its way from another hart
    woken,  // … its wait has ended
    here,   // in the queue, or running
  };
  static constexpr std::uint8_t nowhere = 0xff;

  // Ruled's. The first member, so the address of a link is that of its entity.
  Link movable{};  // in Ruled's ring of movable jobs; null `next`: not in it

  Attributes attributes;

  // Ruled's.
  Job* job = nullptr;
  union {
    std::uint64_t since_ns = 0;  // running: charged up to here
    std::uint64_t order;         // in a JobHeap: among equals
  };
  State state = State::away;
  // The hart whose policy had the job last. Other harts read it when their policies change.
  SharedWord<std::uint8_t> hart = nowhere;

  // The policy's own, all 0 for a job that no policy knows yet.
  std::uint8_t level = 0;
  Entity* child = nullptr;    // of JobHeap
  Entity* sibling = nullptr;  // …
  Entity* before = nullptr;   // … the sibling before, or the parent
  std::int64_t key = 0;       // … what it is sorted by
  std::int64_t credit = 0;
  std::int64_t until_ns = 0;  // when `credit` is renewed
  std::int64_t spare[5]{};    // the size of an entity is a multiple of a job's: known_entity_of()
};

/// The entity of a job, which is made if there is none.
Entity& entity_of(const Job& job) noexcept;

/// … of one that a policy has been given: there is one.
inline Entity& known_entity_of(const Job& job) noexcept {
  constexpr std::size_t times = sizeof(Entity) / sizeof(Job);  // so that nothing is divided
  static_assert(sizeof(Entity) == times * sizeof(Job));
  const JobPage& page = JobPage::of(job);
  return *reinterpret_cast<Entity*>(reinterpret_cast<std::byte*>(page.entities) +
                                    times * page.bytes_before(job));
}

/// What policies have noted of jobs so far: nobody has kept it up to date since.
void forget_entities() noexcept;
/// … but their attributes, of those on this hart: it has another policy now.
void forget_entities(unsigned hart) noexcept;

}  // namespace async
