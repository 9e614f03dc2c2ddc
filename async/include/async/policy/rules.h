// Rules: the part of a policy in which policies differ. policy/ruled.h makes a Policy of them.
//
//             spawn ──► enqueue()                         find() ──► another hart: its enqueue()
//                          │                              ▲
//   wait ends ──► wake() ──┴──► [ queue of the rules ] ───┴── pick() ──► the step runs ──► ran()
//                                  ▲        ▲                                │
//                               yield()  put_back() ◄── preempted ◄──────────┤
//                                  ▲                                         ├──► waits: leave()
//                                  └────────────── yields, slice is over ◄───┘
//
// To write a policy: derive from Rules; define `name`, `summary`, `promises`, enqueue(), pick(),
// remove() and find(); redefine the other functions that the policy needs; add ASYNC_POLICY
// (policy/kinds.h).
// docs/tutorials/schedulers.md writes one; docs/write-a-scheduler.md has the contract.
//
// Rules allocate nothing: JobList and JobHeap link the jobs themselves and their entities. All
// events reach them through these calls, one at a time, in the strand, with interrupts masked.
//
// Guarantees: a job is enqueued only while it is not in the queue, and picked or removed only while
// it is. ran() is called before a job that has run is queued again or leaves.
#pragma once

#include <concepts>
#include <type_traits>

#include "async/policy.h"

namespace async::policy {

/// A call of find() looks at no more jobs than this. If it finds none, Ruled itself searches the
/// queued jobs that may run on another hart, in the order of arrival.
inline constexpr unsigned find_limit = 16;

class Rules {
 public:
  using Options = Policy::Options;
  using Wanted = Policy::Wanted;

  explicit Rules(const Options& options) noexcept : options_(options) {}
  Rules(const Rules&) = delete;

  // Required:
  //
  // void enqueue(Job&, Entity&)  queues a job that is new, comes from another hart, or whose
  //                              priority (heeds_priority), deadline or other attributes have
  //                              changed
  // Job* pick()                  takes out the job to run now. The queue is not empty
  // void remove(Job&, Entity&)   takes out this job
  // Job* find(Wanted)            the job to give to another hart, which stays queued. Null: no job
  //                              is wanted, or none of the find_limit jobs looked at
  //
  // Optional, instead of slice(), if the length of a time slice is not known when it begins:
  //
  // Duration left(const Entity&, Duration since_charged)
  //                              how long the running job may still run. `since_charged` is the
  //                              time since its last charge
  //
  // Optional, for rules that sort by deadlines and keep them in Entity::key:
  //
  // static std::int64_t due(const Job&, const Entity&)
  //                              the value that `key` must have now: the job's own deadline, or the
  //                              earliest of its mutexes' waiters (Executor::deadline_lent_to()) if
  //                              that is earlier

  /// False: a queued job keeps its place when its priority changes.
  static constexpr bool heeds_priority = true;
  /// Queues a job whose wait has ended.
  void wake(this auto& self, Job& job, Entity& entity) noexcept { self.enqueue(job, entity); }
  /// Queues a job that has yielded, or whose slice is over.
  void yield(this auto& self, Job& job, Entity& entity) noexcept { self.enqueue(job, entity); }
  /// Queues a job that a more urgent one has preempted.
  void put_back(this auto& self, Job& job, Entity& entity) noexcept { self.yield(job, entity); }
  /// Charges the running job for the time that it has run since it was picked or last charged.
  void ran(Job&, Entity&, Duration) noexcept {}
  /// The running job waits, has ended, or moves to another hart.
  void leave(Job&, Entity&) noexcept {}
  /// The running job's attributes have changed; the argument holds the old ones. The job has been
  /// charged up to now.
  void changed(Job&, Entity&, const Attributes&) noexcept {}
  /// Whether a queued job must preempt the running one at once. The queue is not empty.
  bool preempts(const Job&, const Entity&) noexcept { return false; }
  /// The longest time that a job may run while others are ready. Duration::max(): no limit.
  Duration slice(const Entity&) const noexcept { return Duration::max(); }

 protected:
  const Options& options() const noexcept { return options_; }
  static std::int64_t now_ns() noexcept { return static_cast<std::int64_t>(platform::now_ns()); }

 private:
  Options options_;
};

template <class R>
concept AreRules = std::derived_from<R, Rules> && requires(R rules, Job& job, Entity& entity) {
  { R::name } -> std::convertible_to<const char*>;
  { R::summary } -> std::convertible_to<const char*>;
  { R::promises } -> std::convertible_to<unsigned>;
  rules.enqueue(job, entity);
  { rules.pick() } -> std::same_as<Job*>;
  rules.remove(job, entity);
  { rules.find(Policy::Wanted{}) } -> std::same_as<Job*>;
};

/// Whether the rules define ran(). Ruled reads the clock only if this or `ends_timeslices` is true.
template <class R>
inline constexpr bool charges = !std::is_same_v<decltype(&R::ran), decltype(&Rules::ran)>;
template <class R>
inline constexpr bool has_deadlines = requires(const Job& job, const Entity& entity) {
  { R::due(job, entity) } -> std::same_as<std::int64_t>;
};
template <class R>
inline constexpr bool says_what_is_left =
    requires(const R rules, const Entity& entity) { rules.left(entity, Duration{}); };
template <class R>
inline constexpr bool ends_timeslices =
    says_what_is_left<R> || !std::is_same_v<decltype(&R::slice), decltype(&Rules::slice)>;

}  // namespace async::policy
