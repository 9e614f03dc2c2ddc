// Earliest deadline first (C. Liu, J. Layland: Scheduling Algorithms for Multiprogramming in a
// Hard-Real-Time Environment, JACM 1973). Jobs without a deadline come after all others.
//
// A job with a reservation (Attributes::budget every `period`) is served by a constant bandwidth
// server (L. Abeni, G. Buttazzo: Integrating Multimedia Applications in Hard Real-Time Systems,
// RTSS 1998): what counts is the server's deadline, which moves by a period whenever the budget is
// used up. So it takes no more from the others than it was admitted for, whatever it does.
//
// Who holds a mutex runs with the earliest deadline of those who wait for it, if that is before its
// own: they pay for it, whoever is in between does not get in their way (L. Sha, R. Rajkumar,
// J. Lehoczky: Priority Inheritance Protocols, IEEE Transactions on Computers 1990, with deadlines
// for priorities).
#pragma once

#include <algorithm>

#include "async/executor.h"
#include "async/policy/heap.h"

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
  Job* pick() noexcept { return queue_.pop(); }
  void remove(Job&, Entity& entity) noexcept { queue_.remove(entity); }
  Job* find(Wanted wanted) noexcept { return queue_.find(wanted); }
  bool preempts(const Job&, const Entity& running) noexcept {
    return queue_.first().key < running.key;
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
  Duration slice(const Entity& entity) const noexcept {
    return is_served(entity) ? entity.attributes.budget : Duration::max();
  }
  static std::int64_t due(const Job& job, const Entity& entity) noexcept {
    const std::int64_t own =
        is_served(entity) ? entity.until_ns : entity.attributes.deadline.time_since_epoch().count();
    return std::min(own, Executor::deadline_lent_to(job));
  }

 private:
  static bool is_served(const Entity& entity) noexcept {
    return entity.attributes.budget.count() > 0 && entity.attributes.period.count() > 0;
  }
  static void begin_period(Entity& entity) noexcept {
    entity.until_ns = now_ns() + entity.attributes.period.count();
    entity.credit = entity.attributes.budget.count();
  }
  /// `until_ns` is the server's deadline, `credit` what is left of its budget until then.
  static void refresh(Entity& entity) noexcept {
    const auto budget = entity.attributes.budget.count();
    const auto period = entity.attributes.period.count();
    const auto left = static_cast<__int128>(entity.until_ns - now_ns()) * budget;
    const bool has_too_much = static_cast<__int128>(entity.credit) * period >= left;
    if (entity.until_ns <= now_ns() || has_too_much) begin_period(entity);
  }
  void push(Job& job, Entity& entity) noexcept { queue_.push(entity, due(job, entity)); }

  JobHeap queue_;
};

}  // namespace async::policy
