// Policy: a scheduling policy, which picks the next of a hart's ready jobs. Each hart's executor
// has its own policy or none. Without one the executor uses fixed priorities 0 … 31
// (ready_queue.h), and pays nothing for policies.
//
// This is the interface for the executor, and for the machine, whose timer ends time slices.
// Policies differ in their rules (policy/rules.h). policy/ruled.h makes a Policy of a set of rules,
// so each function here costs one indirect call.
//
// Call all functions on the policy's hart, with interrupts masked. The functions about deadlines
// may be called on any hart, in the strand. The executor puts a job only while it is not in a
// queue, and takes one out only while it is in this policy's queue.
#pragma once

#include <cstdint>

#include "async/entity.h"
#include "async/job.h"
#include "async/shared_word.h"
#include "async/time.h"

namespace async {

/// The properties of a policy that the conformance suite (tests/unit/policy) checks.
enum PolicyPromise : unsigned {
  promise_nothing = 0,
  promise_no_starvation = 1,  // every ready job runs after a finite time
  promise_shares = 2,         // processor time in proportion to weights
  promise_deadlines = 4,      // meets all deadlines of job sets with utilisation ≤ 1, on one hart
};

/// A search through a hart's ready jobs for jobs that idle harts may run. One step of the search
/// looks at `jobs_a_step` jobs at most. The queue remembers where the next step continues.
struct Search {
  static constexpr unsigned jobs_a_step = 64;

  HartMask harts = 0;           // the idle harts
  bool from_start = true;       // false: continue where the search's last step stopped
  unsigned left = jobs_a_step;  // how many jobs this step may still look at
  bool is_over = false;         // set by take(): the search has looked at all jobs

  bool wants(const Job& job) const noexcept { return (job.harts() & harts) != 0; }
};

class Policy : public Node {
 public:
  struct Options {
    unsigned hart = 0;
    std::uint64_t seed = 1;  // for policies that use random numbers
    Duration slice = std::chrono::milliseconds(4);
  };
  /// A predicate: whether the search wants this job. An idle hart, for example, may not be allowed
  /// to run every job.
  struct Wanted {
    void* context;
    bool (*ask)(void* context, const Node& job);
    bool operator()(const Node& job) const { return ask(context, job); }
  };

  /// Whether the policy uses deadlines: its rules define due().
  bool goes_by_deadlines() const noexcept { return goes_by_deadlines_; }
  bool empty() const noexcept { return count_ == 0; }
  std::uint32_t size() const noexcept { return count_; }
  /// The running job; null if the policy did not pick it, for example if it ran before the policy
  /// was set.
  Job* running() const noexcept { return running_; }

  /// Queues a ready job: new, woken, from another hart, or with a new priority. For the running job
  /// it is the same as yield().
  virtual void put(Job& job) noexcept = 0;
  /// Queues the running job, which yields or whose time slice is over.
  virtual void yield(Job& job) noexcept = 0;
  /// Queues the running job, which was preempted; its time slice is not over.
  virtual void put_back(Job& job) noexcept = 0;
  /// Takes out the next job, which becomes the running job. The queue must not be empty.
  virtual Job& next() noexcept = 0;
  /// The running job waits, has ended, or goes to another hart. Does nothing for other jobs.
  virtual void stopped(Job& job) noexcept = 0;

  virtual void take_out(Job& job) noexcept = 0;
  /// Takes out any job; for a caller that takes out all of them. Null: the rules find none.
  virtual Job* take_any() noexcept = 0;
  /// Takes out a job that the search wants; with `keep_one`, never the only job. Null if there is
  /// none, or if this step of the search has found none (Search::is_over tells which).
  virtual Job* take(bool keep_one, Search& search) noexcept = 0;
  /// Sets the attributes of a job of this hart: queued, running or waiting.
  virtual void adjust(Job& job, const Attributes& attributes) noexcept = 0;
  /// Sets the priority of a job that is queued or runs.
  virtual void set_priority(Job& job, std::uint8_t priority) noexcept = 0;

  // Deadline inheritance: a mutex holder inherits its waiters' earliest deadline, and so do the
  // mutex holders that it waits for. Jobs have deadlines only if the rules define due().

  /// The effective deadline of a job of this hart in ns: its own or the inherited one. The largest
  /// value if it has none.
  virtual std::int64_t deadline_of(const Job& job) const noexcept = 0;
  /// Whether the effective deadline differs from the one that the policy uses now.
  virtual bool has_other_deadline(const Job& job) const noexcept = 0;
  /// Makes the policy use the present effective deadline. On another hart only for waiting jobs.
  virtual void update_deadline(Job& job) noexcept = 0;

  // For the machine, which ends time slices.

  /// Charges the running job for the time it ran. True: its time slice is over, and other jobs are
  /// ready.
  virtual bool tick() noexcept = 0;
  /// The time until the machine must call tick() again. Duration::max(): never.
  virtual Duration until_tick() const noexcept = 0;

 protected:
  Policy(unsigned hart, bool goes_by_deadlines) noexcept
      : Node(Kind::policy, none_is_ready, hart), goes_by_deadlines_(goes_by_deadlines) {}
  ~Policy() = default;

  // The policy's Node::priority stands for all its ready jobs: ReadyQueue::has_above() reads it as
  // a signed number. It is `preempt_now`, or `none_is_ready`, or the running job's priority while
  // other jobs wait for the end of its time slice.
  static constexpr std::uint8_t preempt_now = 0xff;    // -1: before every level, 0 included
  static constexpr std::uint8_t none_is_ready = 0x7f;  // after every level

  const bool goes_by_deadlines_;
  SharedWord<std::uint32_t> count_ = 0;  // queued jobs; read by other harts
  Job* running_ = nullptr;
};

}  // namespace async
