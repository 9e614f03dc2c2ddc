// Checked: wraps rules and checks that they keep the contract of rules.h, in worlds with
// platform::checks_policies. It reports the first breach to breach_hook.
//
// After a breach it does not call the rules any more. It finds ready jobs without them and runs
// them in any order, so the run can still end and report.
#pragma once

#include <type_traits>
#include <utility>

#include "async/graph.h"
#include "async/policy/rules.h"

namespace async::policy {

struct Breach {
  const char* policy;
  const char* what;  // what the policy did wrong
  const Job* job;    // the job concerned
};
/// Receives the first breach of each policy; null: breaches are not reported. Called on the
/// policy's hart in the middle of an executor operation.
inline constinit void (*breach_hook)(const Breach&) = nullptr;

template <AreRules R>
class Checked final : public Rules {
 public:
  static constexpr const char* name = R::name;
  static constexpr const char* summary = R::summary;
  static constexpr unsigned promises = R::promises;
  static constexpr bool heeds_priority = R::heeds_priority;

  explicit Checked(const Options& options) noexcept : Rules(options), rules_(options) {}

  void enqueue(Job& job, Entity& entity) noexcept {
    comes(job);
    if (!broken_) rules_.enqueue(job, entity);
  }
  void wake(Job& job, Entity& entity) noexcept {
    comes(job);
    if (!broken_) rules_.wake(job, entity);
  }
  void yield(Job& job, Entity& entity) noexcept {
    comes(job);
    if (!broken_) rules_.yield(job, entity);
  }
  void put_back(Job& job, Entity& entity) noexcept {
    const unsigned in_vain = picked_ns_ == now_ns() ? in_vain_ + 1 : 0;
    comes(job);
    if (broken_) return;
    in_vain_ = in_vain;
    if (in_vain_ == most_in_vain) {
      return report("preempts() is true for each job that pick() has just returned: no job runs",
                    job);
    }
    rules_.put_back(job, entity);
  }
  Job* pick() noexcept {
    picked_ns_ = now_ns();
    running_ = nullptr;
    Job* const job = broken_ ? nullptr : rules_.pick();
    if (job != nullptr && is_queued(*job)) [[likely]]
      return running_ = job;
    Job* const instead = any();
    if (instead == nullptr) platform::fail("pick() was called while no job was ready");
    if (job != nullptr) report("pick() returned a job that is not in the queue", *job);
    if (job == nullptr) report("pick() returned null while a job is ready", *instead);
    return running_ = instead;
  }
  void remove(Job& job, Entity& entity) noexcept {
    in_vain_ = 0;
    if (!broken_) rules_.remove(job, entity);
  }
  Job* find(Wanted wanted) noexcept {
    if (!broken_) {
      Job* const job = rules_.find(wanted);
      if (job == nullptr) return nullptr;
      const char* const wrong = !is_queued(*job) ? "find() returned a job that is not in the queue"
                                : !wanted(*job)  ? "find() returned a job that does not match"
                                : !still_has(*job) ? "find() removed the job that it returned"
                                                   : nullptr;
      if (wrong == nullptr) return job;
      report(wrong, *job);
    }
    return any(&wanted);
  }
  void ran(Job& job, Entity& entity, Duration used) noexcept {
    if (!broken_) rules_.ran(job, entity, used);
  }
  void leave(Job& job, Entity& entity) noexcept {
    in_vain_ = 0;
    running_ = nullptr;
    if (!broken_) rules_.leave(job, entity);
  }
  void changed(Job& job, Entity& entity, const Attributes& before) noexcept {
    if (!broken_) rules_.changed(job, entity, before);
  }
  bool preempts(const Job& job, const Entity& entity) noexcept {
    return !broken_ && rules_.preempts(job, entity);
  }
  Duration slice(const Entity& entity) const noexcept {
    if (broken_) return Duration::max();
    const Duration slice = rules_.slice(entity);
    if (slice.count() > 0) return slice;
    report(slice.count() == 0 ? "slice() returned 0" : "slice() returned less than 0", *entity.job);
    return Duration::max();
  }
  Duration left(const Entity& entity, Duration since_charged) const noexcept
    requires says_what_is_left<R>
  {
    if (broken_) return Duration::max();
    const Duration left = rules_.left(entity, since_charged);
    const bool is_over_at_once = left.count() <= 0 && picked_ns_ == now_ns();
    over_in_vain_ = is_over_at_once ? over_in_vain_ + 1 : 0;
    if (over_in_vain_ != most_in_vain) return left;
    report("left() is 0 for each job that pick() has just returned: no job runs", *entity.job);
    return Duration::max();
  }
  static std::int64_t due(const Job& job, const Entity& entity) noexcept
    requires has_deadlines<R>
  {
    return R::due(job, entity);
  }

 private:
  /// The breach "no job runs" is reported when so many jobs in succession were put back at the
  /// instant at which they were picked, with no other event in between. Rules that contradict
  /// themselves only now and then do not reach this number.
  static constexpr unsigned most_in_vain = 1000;

  void comes(Job& job) noexcept {
    in_vain_ = 0;
    // `job` is the running job, or a new job in the memory of a running one that has ended.
    if (&job == running_) running_ = nullptr;
    job.reset();  // rules may unlink the job even if they have not linked it
  }
  bool is_queued(const Job& job) const noexcept {
    const Entity& entity = entity_of(job);
    return entity.state == Entity::State::here && entity.hart == options().hart && &job != running_;
  }
  /// Whether find() still finds `job`, which it has just returned.
  bool still_has(Job& job) noexcept {
    const auto is_it = [](void* it, const Node& other) { return &other == it; };
    return rules_.find({static_cast<Node*>(&job), is_it}) == &job;
  }
  /// A queued job, found without the rules; only a wanted one if `wanted` is not null. Null: none.
  Job* any(Wanted* wanted = nullptr) noexcept {
    struct Search {
      const Checked& rules;
      Wanted* wanted;
      const Job* found;
    } search{*this, wanted, nullptr};
    for_each_job(
        [](void* context, const Job& job) {
          auto& [rules, wanted, found] = *static_cast<Search*>(context);
          if (rules.is_queued(job) && (wanted == nullptr || (*wanted)(job))) found = &job;
        },
        &search);
    Job* const job = const_cast<Job*>(search.found);
    // Unlinks the job without the rules. Their list may still hold it, but they are not called
    // again.
    if (job != nullptr) job->reset();
    return job;
  }
  void report(const char* what, const Job& job) const noexcept {
    if (!std::exchange(broken_, true) && breach_hook != nullptr) breach_hook({name, what, &job});
  }

  R rules_;
  Job* running_ = nullptr;
  std::int64_t picked_ns_ = 0;
  unsigned in_vain_ = 0;
  mutable unsigned over_in_vain_ = 0;
  mutable bool broken_ = false;
};

template <class R>
inline constexpr bool charges<Checked<R>> = charges<R>;
template <class R>
inline constexpr bool ends_timeslices<Checked<R>> = ends_timeslices<R>;

/// The rules as this world uses them: checked or unchecked.
template <AreRules R>
using InThisWorld = std::conditional_t<platform::checks_policies, Checked<R>, R>;

}  // namespace async::policy
