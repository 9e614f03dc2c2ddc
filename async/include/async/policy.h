// Policy: which of a hart's ready jobs runs next. Each hart's executor has its own, or none, which
// is fixed priorities 0 … 31 (ready_queue.h) and costs nothing that a policy would.
//
// This is what the executor, and the machine whose timer ends turns, tell one and ask it. What
// policies differ in are their rules (policy/rules.h), which policy/ruled.h makes a Policy of: one
// indirect call here reaches all of them.
//
// All in task context of the policy's hart, interrupts masked, in the strand. A job is put only
// while it is not in a queue, and taken out only while it is in this one.
#pragma once

#include <cstdint>

#include "async/entity.h"
#include "async/job.h"
#include "async/shared_word.h"
#include "async/time.h"

namespace async {

/// What the conformance suite (tests/unit/policy) holds a policy to.
enum PolicyPromise : unsigned {
  promise_nothing = 0,
  promise_no_starvation = 1,  // whatever else comes, a ready job runs in the end
  promise_shares = 2,         // processor time in proportion to weights
  promise_deadlines = 4,      // of all sets whose utilisation is at most 1, on one hart
};

/// A search through a hart's ready jobs for those that idle harts may run. One step of it looks at
/// `jobs_a_step` jobs, however many are ready; the queue keeps the place for the next step.
struct Search {
  static constexpr unsigned jobs_a_step = 64;

  HartMask harts = 0;           // the idle harts
  bool from_start = true;       // false: continue where the last step has stopped
  unsigned left = jobs_a_step;  // jobs that this step may still look at
  bool is_over = false;         // set by take(): no job is left to take

  bool wants(const Job& job) const noexcept { return (job.harts() & harts) != 0; }
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

  /// Whether its rules have due().
  bool goes_by_deadlines() const noexcept { return goes_by_deadlines_; }
  bool empty() const noexcept { return count_ == 0; }
  std::uint32_t size() const noexcept { return count_; }
  /// Null: none that is known, as when it ran before this policy was set.
  Job* running() const noexcept { return running_; }

  /// It is ready: new, woken, from another hart, or with another priority. Or as the two below.
  virtual void put(Job& job) noexcept = 0;
  /// The running job is ready, and lets others go first.
  virtual void give_way(Job& job) noexcept = 0;
  /// … was preempted, and its turn is not over.
  virtual void put_back(Job& job) noexcept = 0;
  /// Takes out the next one, where there is one. It runs from here on.
  virtual Job& next() noexcept = 0;
  /// The running job waits now, has ended, or goes to another hart. (Others: nothing.)
  virtual void stopped(Job& job) noexcept = 0;

  virtual void take_out(Job& job) noexcept = 0;
  /// Takes out any job; the caller takes all of them. Null: the rules find none.
  virtual Job* take_any() noexcept = 0;
  /// Takes out a job that the search wants; if `keep_one`, not the only job. Null: there is none,
  /// or none in this step (Search::is_over).
  virtual Job* take(bool keep_one, Search& search) noexcept = 0;
  /// Of a job that is this hart's.
  virtual void adjust(Job& job, const Attributes& attributes) noexcept = 0;
  /// Sets the priority of a job that is in the queue or runs.
  virtual void set_priority(Job& job, std::uint8_t priority) noexcept = 0;

  // Deadlines go from who waits for a mutex to who holds it, and on to whom that one waits for. A
  // job has one under a policy whose rules have due().

  /// The one that counts for a job that is this hart's, its own or inherited; none: the largest.
  virtual std::int64_t deadline_of(const Job& job) const noexcept = 0;
  /// Has another one come to count for it, since it was looked at last?
  virtual bool has_other_deadline(const Job& job) const noexcept = 0;
  /// … then it counts from now on. From another hart only for one that waits.
  virtual void update_deadline(Job& job) noexcept = 0;

  // For the machine.

  /// Charges the running job for what it has run; true: its turn is over, and others are ready.
  virtual bool tick() noexcept = 0;
  /// How long the running job may still go on before the next tick(). Duration::max(): for ever.
  virtual Duration until_tick() const noexcept = 0;

 protected:
  Policy(unsigned hart, bool goes_by_deadlines) noexcept
      : Node(Kind::policy, none_is_ready, hart), goes_by_deadlines_(goes_by_deadlines) {}
  ~Policy() = default;

  // Node::priority stands for all ready jobs in ReadyQueue::has_above(), which reads it as a signed
  // number: `preempt_now`, or the running job's own priority while other jobs wait for its turn to
  // end, or `none_is_ready`.
  static constexpr std::uint8_t preempt_now = 0xff;    // -1: before every level, 0 included
  static constexpr std::uint8_t none_is_ready = 0x7f;  // after every level

  const bool goes_by_deadlines_;
  SharedWord<std::uint32_t> count_ = 0;  // other harts look at it
  Job* running_ = nullptr;
};

}  // namespace async
