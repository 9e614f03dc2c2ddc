// Rules: what one policy does and others do not.
//
//             spawn ──► enqueue()                         find() ──► another hart: its enqueue()
//                          │                              ▲
//   wait ends ──► wake() ──┴──► [ queue of the rules ] ───┴── pick() ──► the step runs ──► ran()
//                                  ▲        ▲                                │
//                               yield()  put_back() ◄── preempted ◄──────────┤
//                                  ▲                                         ├──► waits: leave()
//                                  └──────────── gives way, slice is over ◄──┘
//
// Write some: derive, say `name`, `summary` and `promises`, define enqueue(), pick(), remove() and
// find(), and hide whatever else the policy cares about; put it into policy/all.h.
// docs/write-a-scheduler.md goes through it. Rules allocate nothing (JobList and JobHeap keep jobs
// through what is in them and their entities) and ask nobody: all that they may know comes by these
// calls, one at a time. Guaranteed: a job is enqueued only while it is not in the queue, and picked
// or removed only while it is; ran() comes before the job is put anywhere else.
#pragma once

#include <concepts>
#include <type_traits>

#include "async/policy.h"

namespace async::policy {

/// The most jobs that find() looks at. Ruled finds the others without it, in the order of arrival.
inline constexpr unsigned find_limit = 16;

class Rules {
 public:
  using Options = Policy::Options;
  using Wanted = Policy::Wanted;

  explicit Rules(const Options& options) noexcept : options_(options) {}
  Rules(const Rules&) = delete;

  // There have to be:
  //
  // void enqueue(Job&, Entity&)  a job that is new, or comes from another hart, or whose priority
  //                              (heeds_priority), deadline or other attributes have changed
  // Job* pick()                  takes out the one to run now. There is one
  // void remove(Job&, Entity&)   takes it out of the queue's midst
  // Job* find(Wanted)            the one to give to another hart; null: none, or none among the
  //                              find_limit that it looks at. It is not taken out
  //
  // There may be, instead of slice(), of rules with which a turn is not as long as the one before:
  //
  // Duration left(const Entity&, Duration since_charged)
  //                              how long from now on the running job may still go on, which was
  //                              charged so long ago
  //
  // And of rules that sort by deadlines and keep them in Entity::key:
  //
  // static std::int64_t due(const Job&, const Entity&)
  //                              what `key` has to be now: its own deadline, or that of somebody
  //                              who waits for it (Executor::deadline_lent_to()), if it is earlier

  /// False: a job that is queued stays where it is when its priority changes.
  static constexpr bool heeds_priority = true;
  /// One whose wait has ended.
  void wake(this auto& self, Job& job, Entity& entity) noexcept { self.enqueue(job, entity); }
  /// One that has given way, or whose slice is over.
  void yield(this auto& self, Job& job, Entity& entity) noexcept { self.enqueue(job, entity); }
  /// One that somebody more urgent has interrupted.
  void put_back(this auto& self, Job& job, Entity& entity) noexcept { self.yield(job, entity); }
  /// The running job has used the processor for so long since it was picked or last charged.
  void ran(Job&, Entity&, Duration) noexcept {}
  /// The running job waits now, or has ended, or goes to another hart.
  void leave(Job&, Entity&) noexcept {}
  /// The running job's attributes have changed, and were these before; it has been charged so far.
  void changed(Job&, Entity&, const Attributes&) noexcept {}
  /// Should one that is queued run instead of `running`, at once? There is one.
  bool preempts(const Job&, const Entity&) noexcept { return false; }
  /// How long a job may run before others get their turn. Duration::max(): as long as it likes.
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

/// Do they look at what a job has run? And when turns end? Who does not pays for no clock.
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
inline constexpr bool ends_turns =
    says_what_is_left<R> || !std::is_same_v<decltype(&R::slice), decltype(&Rules::slice)>;

}  // namespace async::policy
