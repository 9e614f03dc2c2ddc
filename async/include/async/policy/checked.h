// Checked: rules that are held to what rules.h says of them, in a world that wants that
// (platform::checks_policies). The first breach is told, and it is the end of their say: from there
// on ready jobs run in any order, found without them. So one may end in order, and report.
#pragma once

#include <type_traits>
#include <utility>

#include "async/graph.h"
#include "async/policy/rules.h"

namespace async::policy {

struct Breach {
  const char* policy;
  const char* what;  // … it did
  const Job* job;    // which of the jobs it is about
};
/// Whoever wants to know. On the policy's hart, in the midst of what the executor does.
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
      return tell("preempts() is true of whatever pick() has just returned: no job gets to run",
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
    if (instead == nullptr) platform::fail("a policy is asked for a job, and none is ready");
    if (job != nullptr) tell("pick() returned a job that is not in the queue", *job);
    if (job == nullptr) tell("pick() returned null while a job is ready", *instead);
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
                                : !wanted(*job)  ? "find() returned a job that is not wanted"
                                : !still_has(*job) ? "find() took out the job that it returned"
                                                   : nullptr;
      if (wrong == nullptr) return job;
      tell(wrong, *job);
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
    tell(slice.count() == 0 ? "slice() returned 0" : "slice() returned less than 0", *entity.job);
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
    tell("left() is nothing for whatever pick() has just returned: no job gets to run",
         *entity.job);
    return Duration::max();
  }
  static std::int64_t due(const Job& job, const Entity& entity) noexcept
    requires has_deadlines<R>
  {
    return R::due(job, entity);
  }

 private:
  /// Jobs that are put back at the instant at which they were picked, one after another, with no
  /// other news: of rules that contradict themselves once in a while there are fewer.
  static constexpr unsigned most_in_vain = 1000;

  void comes(Job& job) noexcept {
    in_vain_ = 0;
    if (&job == running_) running_ = nullptr;  // or it has ended, and this is where it was
    job.reset();  // so that rules that do not link it may unlink it all the same
  }
  bool is_queued(const Job& job) const noexcept {
    const Entity& entity = entity_of(job);
    return entity.state == Entity::State::here && entity.hart == options().hart && &job != running_;
  }
  /// Whether the rules find a job that they have just found.
  bool still_has(Job& job) noexcept {
    const auto is_it = [](void* it, const Node& other) { return &other == it; };
    return rules_.find({static_cast<Node*>(&job), is_it}) == &job;
  }
  /// Of those in the queue, whatever the rules have made of them. Null: there is none.
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
    if (job != nullptr) job->reset();  // from wherever the rules have it
    return job;
  }
  void tell(const char* what, const Job& job) const noexcept {
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
inline constexpr bool ends_turns<Checked<R>> = ends_turns<R>;

/// Rules as they are used in this world.
template <AreRules R>
using InThisWorld = std::conditional_t<platform::checks_policies, Checked<R>, R>;

}  // namespace async::policy
