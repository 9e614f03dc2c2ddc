// Earliest deadline first (C. Liu, J. Layland: Scheduling Algorithms for Multiprogramming in a
// Hard-Real-Time Environment, JACM 1973). Jobs without a deadline come after all others.
//
// A job with a reservation (Attributes::budget every `period`) is served by a constant bandwidth
// server (L. Abeni, G. Buttazzo: Integrating Multimedia Applications in Hard Real-Time Systems,
// RTSS 1998). The server's deadline counts instead of the job's. It moves by one period whenever
// the budget is used up, so the job cannot take more time from other jobs than its reservation.
//
// There are three classes of jobs, the most urgent first. A job without a reservation cannot delay
// a job that has budget.
//
//   served    has budget in the present period; sorted by the servers' deadlines
//   others    has no reservation; sorted by deadline, then those without one, in order of arrival
//   ahead     has no budget until a period begins; in `later_`, sorted by the begin of that period
//                │ the period begins: the running job's slice ends, and release() moves the job
//                └──► served
//
// A job that is ahead runs only if the two other classes are empty.
//
// A job that holds a mutex runs with the earliest deadline of the jobs that wait for it, if that is
// before its own. So a job whose deadline is in between cannot delay the waiters (L. Sha, R.
// Rajkumar, J. Lehoczky: Priority Inheritance Protocols, IEEE Transactions on Computers 1990, with
// deadlines for priorities).
#include <algorithm>

#include "async/executor.h"
#include "async/policy/heap.h"
#include "async/policy/kinds.h"

namespace async::policy {

class Edf final : public Rules {
 public:
  static constexpr const char* name = "edf";
  static constexpr const char* summary =
      "earliest deadline first; reservations by constant bandwidth servers";
  static constexpr unsigned promises = promise_deadlines;

  static constexpr bool heeds_priority = false;

  explicit Edf(const Options& options) noexcept : Rules(options) {}

  void enqueue(Job& job, Entity& entity) noexcept {
    if (is_served(entity)) refresh(entity);
    push(job, entity);
  }
  void yield(Job& job, Entity& entity) noexcept { push(job, entity); }
  Job* pick() noexcept {
    release();
    if (!queue_.empty()) return queue_.pop();
    Job* const job = later_.pop();
    known_entity_of(*job).key = after_all;
    return job;
  }
  void remove(Job&, Entity& entity) noexcept {
    (is_later(entity) ? later_ : queue_).remove(entity);
  }
  Job* find(Wanted wanted) noexcept {
    Job* const job = queue_.find(wanted);
    return job != nullptr ? job : later_.find(wanted);
  }
  bool preempts(const Job&, const Entity& running) noexcept {
    release();
    if (!queue_.empty()) return queue_.first().key < running.key;
    return running.key == after_all && later_.first().key < begin_of_period(running);
  }
  void ran(Job& job, Entity& entity, Duration used) noexcept {
    if (!is_served(entity)) return;
    entity.credit -= used.count();
    while (entity.credit <= 0) {
      entity.credit += entity.attributes.budget.count();
      entity.until_ns += entity.attributes.period.count();
    }
    entity.key = due(job, entity);
  }
  void changed(Job& job, Entity& entity, const Attributes& before) noexcept {
    const Attributes& now = entity.attributes;
    const bool is_other = before.budget != now.budget || before.period != now.period;
    if (is_served(entity) && is_other) begin_period(entity);
    entity.key = due(job, entity);
  }
  /// The time until the running job has used up its budget, or until a period of this job or of a
  /// job in `later_` begins.
  Duration left(const Entity& running, Duration since_charged) const noexcept {
    std::int64_t left = Duration::max().count();
    if (is_served(running)) {
      left = running.credit - since_charged.count();
      if (running.key == after_all) left = std::min(left, begin_of_period(running) - now_ns());
    }
    if (!later_.empty()) left = std::min(left, later_.first().key - now_ns());
    return Duration(left);
  }
  static std::int64_t due(const Job& job, const Entity& entity) noexcept {
    return std::min(own_due(entity), Executor::deadline_lent_to(job));
  }

 private:
  // Entity::key by class. Served: the server's deadline minus `before_all`, which is below 0.
  // Others: the job's deadline, or `after_all` - 1 if it has none. Ahead: `after_all`; in `later_`
  // it is the begin of the period.
  static constexpr std::int64_t before_all = std::int64_t{1} << 62;
  static constexpr std::int64_t after_all = never.time_since_epoch().count();

  static bool is_served(const Entity& entity) noexcept {
    return entity.attributes.budget.count() > 0 && entity.attributes.period.count() > 0;
  }
  // A server's state: `until_ns` is its deadline, `credit` the rest of its budget until then (ns).

  static std::int64_t begin_of_period(const Entity& entity) noexcept {
    return entity.until_ns - entity.attributes.period.count();
  }
  static std::int64_t own_due(const Entity& entity) noexcept {
    if (!is_served(entity)) {
      return std::min<std::int64_t>(entity.attributes.deadline.time_since_epoch().count(),
                                    after_all - 1);
    }
    return begin_of_period(entity) > now_ns() ? after_all : entity.until_ns - before_all;
  }
  static void begin_period(Entity& entity) noexcept {
    entity.until_ns = now_ns() + entity.attributes.period.count();
    entity.credit = entity.attributes.budget.count();
  }
  /// For a job that becomes ready: begins a new period if the server's deadline has passed. Also
  /// begins one if the rest of the budget is more than the job's share of the time until then.
  static void refresh(Entity& entity) noexcept {
    const auto budget = entity.attributes.budget.count();
    const auto period = entity.attributes.period.count();
    const auto left = static_cast<__int128>(entity.until_ns - now_ns()) * budget;
    const bool has_too_much = static_cast<__int128>(entity.credit) * period >= left;
    if (entity.until_ns <= now_ns() || has_too_much) begin_period(entity);
  }

  static bool is_later(const Entity& entity) noexcept { return entity.level != 0; }
  void push(Job& job, Entity& entity) noexcept {
    const std::int64_t key = due(job, entity);
    entity.level = key == after_all;
    is_later(entity) ? later_.push(entity, begin_of_period(entity)) : queue_.push(entity, key);
  }
  void release() noexcept {
    while (!later_.empty() && later_.first().key <= now_ns()) {
      Job& job = *later_.pop();
      push(job, known_entity_of(job));
    }
  }

  JobHeap queue_;
  JobHeap later_;
};

ASYNC_POLICY(Edf, "edf");

}  // namespace async::policy
