// Stride scheduling (C. Waldspurger, W. Weihl: Stride Scheduling, MIT/LCS/TM-528, 1995): each job
// has a pass, which grows by the time that it runs divided by its weight. The job with the smallest
// pass runs next.
#include <algorithm>

#include "async/policy/heap.h"
#include "async/policy/kinds.h"

namespace async::policy {

class Stride final : public Rules {
 public:
  static constexpr const char* name = "stride";
  static constexpr const char* summary =
      "time in proportion to weights: the job furthest behind first";
  static constexpr unsigned promises = promise_no_starvation | promise_shares;

  explicit Stride(const Options& options) noexcept : Rules(options) {}

  /// `credit` is the pass. A job that is new on this hart begins with the global pass.
  void enqueue(Job&, Entity& entity) noexcept {
    entity.credit = global_pass_;
    join(entity);
  }
  void wake(Job&, Entity& entity) noexcept {
    entity.credit = std::max(entity.credit, global_pass_);
    join(entity);
  }
  void yield(Job&, Entity& entity) noexcept { push(entity); }
  Job* pick() noexcept { return queue_.pop(); }
  void remove(Job&, Entity& entity) noexcept {
    queue_.remove(entity);
    weights_ -= entity.attributes.weight;
  }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }
  void ran(Job&, Entity& entity, Duration used) noexcept {
    entity.credit += used.count() * Attributes::usual_weight / entity.attributes.weight;
    const std::int64_t all = std::max<std::int64_t>(weights_, 1);
    global_pass_ += used.count() * Attributes::usual_weight / all;
  }
  void changed(Job&, Entity& entity, const Attributes& before) noexcept {
    weights_ += static_cast<std::int64_t>(entity.attributes.weight) - before.weight;
  }
  void leave(Job&, Entity& entity) noexcept { weights_ -= entity.attributes.weight; }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  void join(Entity& entity) noexcept {
    weights_ += entity.attributes.weight;
    push(entity);
  }
  void push(Entity& entity) noexcept { queue_.push(entity, entity.credit); }

  JobHeap queue_;
  std::int64_t global_pass_ = 0;  // of an imaginary job that has all the weight and never waits
  std::int64_t weights_ = 0;      // of all ready and running jobs
};

ASYNC_POLICY(Stride, "stride");

}  // namespace async::policy
