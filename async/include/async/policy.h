// Policy: which of a hart's ready jobs runs next. Each hart's executor has its own, or none, which
// is fixed priorities 0 … 31 (ready_queue.h) and costs nothing that a policy would.
//
//             spawn ──► enqueue()                    steal()/find() ──► another hart: its enqueue()
//                          │                              ▲
//   wait ends ──► wake() ──┴──► [ queue of the policy ] ──┴── pick() ──► the step runs ──► ran()
//                                  ▲        ▲                                │
//                               yield()  put_back() ◄── preempted ◄──────────┤
//                                  ▲                                         ├──► waits: leave()
//                                  └──────────── gives way, slice is over ◄──┘
//
// Write one: derive, say `name`, `summary` and `promises`, override enqueue(), pick(), remove() and
// find(), and whatever else the policy cares about; put it into policy/all.h.
// docs/write-a-scheduler.md goes through it. A policy allocates nothing (JobList and JobHeap keep
// jobs through what is in them and their entities) and asks nobody: everything it may know comes by
// these calls.
//
// All in task context of the policy's hart, interrupts masked, in the strand. Guaranteed to an
// implementation: a job is enqueued only while it is not in a queue, and taken or removed only
// while it is in this one; ran() comes before the job is put anywhere else.
#pragma once

#include <cstdint>

#include "async/entity.h"
#include "async/job.h"
#include "async/shared_word.h"
#include "async/time.h"
#include "async/trace.h"

namespace async {

/// What the conformance suite (tests/unit/policy) holds a policy to.
enum PolicyPromise : unsigned {
  promise_nothing = 0,
  promise_no_starvation = 1,  // whatever else comes, a ready job runs in the end
  promise_shares = 2,         // processor time in proportion to weights
  promise_deadlines = 4,      // of all sets whose utilisation is at most 1, on one hart
};

class Policy : public Node {
 public:
  struct Options {
    unsigned hart = 0;
    std::uint64_t seed = 1;  // of those that draw lots
    Duration slice = std::chrono::milliseconds(4);
  };
  /// Is this job wanted? For a thief, say, that may not run every job.
  struct Wanted {
    void* context;
    bool (*ask)(void* context, const Node& job);
    bool operator()(const Node& job) const { return ask(context, job); }
  };

  // For the executor.

  bool empty() const noexcept { return count_ == 0; }
  std::uint32_t size() const noexcept { return count_; }
  /// `job` is ready. `first`: it was preempted and its turn is not over.
  void put(Job& job, bool first) noexcept;
  Job* take_next() noexcept;
  void take_out(Job& job) noexcept;
  Job* take_wanted(bool keep_one, Wanted wanted) noexcept;
  /// What trace points say (trace.h).
  void happened(TraceEvent event, Job& job) noexcept;

  // For the machine, whose timer ends turns.

  /// Charges the running job for what it has run; true: its turn is over, and others are ready.
  bool tick() noexcept;
  /// How long the running job may still go on before the next tick(). Duration::max(): for ever.
  Duration until_tick() const noexcept;
  Job* running() const noexcept { return running_; }

  /// Of a job that is this hart's; `queued`: here.
  void adjust(Entity& entity, const Attributes& attributes, bool queued) noexcept;

 protected:
  explicit Policy(const Options& options) noexcept
      : Node(Kind::policy, idle_priority), options_(options) {}
  ~Policy() = default;

  // For implementations.

  /// A job that is new, or comes from another hart, or whose priority or attributes have changed.
  virtual void enqueue(Job& job, Entity& entity) noexcept = 0;
  /// One whose wait has ended.
  virtual void wake(Job& job, Entity& entity) noexcept { enqueue(job, entity); }
  /// One that has given way, or whose slice is over.
  virtual void yield(Job& job, Entity& entity) noexcept { enqueue(job, entity); }
  /// One that somebody more urgent has interrupted.
  virtual void put_back(Job& job, Entity& entity) noexcept { yield(job, entity); }
  /// Takes out the one to run now. There is one.
  virtual Job* pick() noexcept = 0;
  /// Takes `job` out of the queue's midst.
  virtual void remove(Job& job, Entity& entity) noexcept = 0;
  /// One that may go to another hart; null: none. It is not taken out yet.
  virtual Job* find(Wanted wanted) noexcept = 0;
  /// The running job has used the processor for so long since it was picked or last charged.
  virtual void ran(Job&, Entity&, Duration) noexcept {}
  /// The running job waits now, or has ended.
  virtual void leave(Job&, Entity&) noexcept {}
  /// The running job's attributes have changed, and were these before; it has been charged so far.
  virtual void changed(Job&, Entity&, const Attributes&) noexcept {}
  /// Should one that is queued run instead of `running`, at once?
  virtual bool preempts(const Job&, const Entity&) noexcept { return false; }
  /// How long a job may run before others get their turn. Duration::max(): as long as it likes.
  virtual Duration slice(const Entity&) const noexcept { return Duration::max(); }

  const Options& options() const noexcept { return options_; }
  static std::int64_t now_ns() noexcept { return static_cast<std::int64_t>(platform::now_ns()); }

 private:
  static constexpr std::uint8_t idle_priority = 0xff;
  void charge() noexcept;
  void stop_running() noexcept;
  void update_urgency() noexcept;

  Options options_;
  SharedWord<std::uint32_t> count_ = 0;  // other harts look at it
  Job* running_ = nullptr;
  Entity* entity_ = nullptr;  // … its
  std::uint64_t turn_began_ns_ = 0;
  // Node::priority is what the executor compares with the running job's priority: 0 if it should be
  // preempted, its own if somebody else is ready, idle_priority if nobody is.
};

}  // namespace async
