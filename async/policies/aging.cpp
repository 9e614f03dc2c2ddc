// Aging: the priority of a queued job rises by one level for every ten slices that it waits. So no
// job starves.
//
// All jobs age at the same rate, so the order of two queued jobs never changes. The key of a job is
// the time at which it was queued, plus ten slices times its level.
#include "async/policy/heap.h"
#include "async/policy/kinds.h"

namespace async::policy {

class Aging final : public Rules {
 public:
  static constexpr const char* name = "aging";
  static constexpr const char* summary = "fixed priorities that rise with waiting time";
  static constexpr unsigned promises = promise_no_starvation;

  explicit Aging(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity& entity) noexcept {
    queue_.push(entity, now_ns() + job.priority * level_ns());
  }
  void put_back(Job&, Entity& entity) noexcept { queue_.push(entity, entity.key); }
  Job* pick() noexcept { return queue_.pop(); }
  void remove(Job&, Entity& entity) noexcept { queue_.remove(entity); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }
  bool preempts(const Job&, const Entity& running) noexcept {
    return queue_.first().key < running.key;
  }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  std::int64_t level_ns() const noexcept { return 10 * options().slice.count(); }
  JobHeap queue_;
};

ASYNC_POLICY(Aging, "aging");

}  // namespace async::policy
