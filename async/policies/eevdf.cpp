// Fair by virtual runtime: earliest eligible virtual deadline first (I. Stoica, H. Abdel-Wahab:
// Earliest Eligible Virtual Deadline First, Old Dominion University TR-95-22, 1995).
//
// Virtual time passes at the rate of 1 / (sum of the weights of all ready and running jobs). A job
// is eligible if it has had no more than its share so far. Each job requests one slice at a time.
// The eligible job whose request is due first in virtual time runs. A job that waits keeps its lag,
// at most one slice either way.
#include <algorithm>

#include "async/policy/heap.h"
#include "async/policy/kinds.h"

namespace async::policy {

class Eevdf final : public Rules {
 public:
  static constexpr const char* name = "eevdf";
  static constexpr const char* summary = "fair shares: the earliest virtual deadline first";
  static constexpr unsigned promises = promise_no_starvation | promise_shares;

  explicit Eevdf(const Options& options) noexcept : Rules(options) {}

  // `credit` is the virtual time that a queued or running job has received. For a job that waits,
  // it is the lag: below 0 if the job has had less than its share.
  void enqueue(Job&, Entity& entity) noexcept {
    entity.credit = virtual_now_;
    join(entity);
  }
  void wake(Job&, Entity& entity) noexcept {
    entity.credit += virtual_now_;
    join(entity);
  }
  void yield(Job&, Entity& entity) noexcept { push(entity); }
  Job* pick() noexcept {
    for (;;) {
      while (!later_.empty() && later_.first().key <= virtual_now_) {
        Entity& entity = later_.first();
        later_.pop();
        eligible_.push(entity, due(entity));
        entity.level = is_eligible;
      }
      if (!eligible_.empty()) return eligible_.pop();
      virtual_now_ = later_.first().key;  // no job is eligible: skip to the first
    }
  }
  void remove(Job&, Entity& entity) noexcept {
    (entity.level == is_eligible ? eligible_ : later_).remove(entity);
    part(entity);
  }
  Job* find(Wanted wanted) noexcept {
    Job* const job = eligible_.find(wanted);
    return job != nullptr ? job : later_.find(wanted);
  }
  void ran(Job&, Entity& entity, Duration used) noexcept {
    entity.credit += scaled(used.count(), entity.attributes.weight);
    virtual_now_ += scaled(used.count(), std::max<std::int64_t>(weights_, 1));
  }
  void changed(Job&, Entity& entity, const Attributes& before) noexcept {
    weights_ += static_cast<std::int64_t>(entity.attributes.weight) - before.weight;
  }
  void leave(Job&, Entity& entity) noexcept { part(entity); }
  bool preempts(const Job&, const Entity& running) noexcept {
    return !eligible_.empty() && eligible_.first().key < due(running);
  }
  Duration slice(const Entity&) const noexcept { return options().slice; }

 private:
  enum : std::uint8_t { is_later, is_eligible };

  static std::int64_t scaled(std::int64_t ns, std::int64_t weight) noexcept {
    return ns * Attributes::usual_weight / weight;
  }
  std::int64_t request(const Entity& entity) const noexcept {
    return scaled(options().slice.count(), entity.attributes.weight);
  }
  std::int64_t due(const Entity& entity) const noexcept { return entity.credit + request(entity); }
  void join(Entity& entity) noexcept {
    weights_ += entity.attributes.weight;
    push(entity);
  }
  void push(Entity& entity) noexcept {
    const bool now = entity.credit <= virtual_now_;
    entity.level = now ? is_eligible : is_later;
    now ? eligible_.push(entity, due(entity)) : later_.push(entity, entity.credit);
  }
  void part(Entity& entity) noexcept {
    weights_ -= entity.attributes.weight;
    const std::int64_t most = request(entity);
    entity.credit = std::clamp(entity.credit - virtual_now_, -most, most);
  }

  JobHeap eligible_;  // by the virtual times at which their requests are due
  JobHeap later_;     // by the virtual times from which they are eligible
  std::int64_t virtual_now_ = 0;
  std::int64_t weights_ = 0;  // of all ready and running jobs
};

ASYNC_POLICY(Eevdf, "eevdf");

}  // namespace async::policy
