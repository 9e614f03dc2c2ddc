// Multi-level feedback queues (F. Corbató and others: An Experimental Time-Sharing System, 1962;
// the rules are those of R. and A. Arpaci-Dusseau: Operating Systems: Three Easy Pieces, chapter
// 8).
//
// A job begins at the top level. When it has used up its allotment of a level, it moves down one
// level, even if it has waited in between. Slices double from level to level. Every 250 slices all
// jobs return to the top level.
#include <array>
#include <bit>

#include "async/policy/kinds.h"
#include "async/policy/list.h"

namespace async::policy {

class Mlfq final : public Rules {
 public:
  static constexpr const char* name = "mlfq";
  static constexpr const char* summary =
      "multilevel feedback: long runs lower a job's level, periodic boosts reset it";
  static constexpr unsigned promises = promise_no_starvation;

  explicit Mlfq(const Options& options) noexcept : Rules(options) { set_next_boost(); }

  void enqueue(Job& job, Entity& entity) noexcept {
    entity.level = 0;
    entity.credit = 0;
    entity.key = epoch_;
    push_back(job, entity);
  }
  void wake(Job& job, Entity& entity) noexcept {
    rise(entity);
    push_back(job, entity);
  }
  void yield(Job& job, Entity& entity) noexcept { wake(job, entity); }
  void put_back(Job& job, Entity& entity) noexcept {
    if (rise(entity)) return push_back(job, entity);
    queues_[entity.level].push_front(job);
  }
  Job* pick() noexcept {
    if (now_ns() >= next_boost_ns_) boost();
    for (JobList& queue : queues_) {
      if (!queue.empty()) return queue.pop_front();
    }
    return nullptr;
  }
  void remove(Job& job, Entity&) noexcept { JobList::remove(job); }
  Job* find(Wanted wanted) noexcept {
    for (JobList& queue : queues_) {
      if (Job* const job = queue.find(wanted)) return job;
    }
    return nullptr;
  }
  void ran(Job&, Entity& entity, Duration used) noexcept {
    entity.credit += used.count();
    if (entity.credit < slice(entity).count()) return;
    entity.credit = 0;
    if (entity.level + 1u < levels) ++entity.level;
  }
  bool preempts(const Job&, const Entity& running) noexcept {
    for (unsigned level = 0; level < running.level; ++level) {
      if (!queues_[level].empty()) return true;
    }
    return false;
  }
  Duration slice(const Entity& entity) const noexcept {
    return options().slice * (1 << entity.level);
  }

 private:
  static constexpr unsigned levels = 8;

  /// Moves the job to the top level if a boost has happened since it was last queued; returns
  /// whether it did.
  bool rise(Entity& entity) noexcept {
    if (entity.key == epoch_) return false;
    entity.key = epoch_;
    entity.level = 0;
    entity.credit = 0;
    return true;
  }
  void push_back(Job& job, Entity& entity) noexcept { queues_[entity.level].push_back(job); }
  void set_next_boost() noexcept { next_boost_ns_ = now_ns() + 250 * options().slice.count(); }
  void boost() noexcept {
    ++epoch_;
    set_next_boost();
    for (unsigned level = 1; level < levels; ++level) {
      queues_[level].for_each([this](Job& job) {
        rise(known_entity_of(job));
        return false;
      });
      queues_[0].take_all(queues_[level]);
    }
  }

  std::array<JobList, levels> queues_;
  std::int64_t epoch_ = 0;
  std::int64_t next_boost_ns_ = 0;
};

ASYNC_POLICY(Mlfq, "mlfq");

}  // namespace async::policy
