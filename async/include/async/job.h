// A Job is one chain of awaits that the executor schedules: a spawned task and every task it
// awaits. The executor queues, wakes, prioritises, cancels and prints jobs, not coroutines. A step
// is the code that a job runs from its resumption by the executor until it waits, yields or ends.
//
// A job waits for one thing at a time. So the job holds all data of a wait (the list, the reason,
// the result), and awaiters are almost empty. A job is 56 bytes; in the simulator and in a
// HostPool, 64.
//
// - A job's step runs on one hart at a time. A job of the strand (strand.h) may change harts
//   between two steps. Any step in the strand may wake, cancel or reprioritise it. Its own steps
//   are never interrupted.
// - Preemptible jobs are outside the strand. Interrupt handlers and more urgent jobs may run in the
//   middle of their steps, so the data that they share needs atomics or spin locks.
// - Interrupt handlers, and code outside the strand, may wake a job only with Executor::unpark()
//   and Interrupt::raise().
// - A wait ends exactly once. The first call of complete() finds the job in Kind::waiting and ends
//   the wait. Later calls find the job ready and change nothing.
// - cancel() is sticky. It ends the present wait, and every later wait that may be cancelled, until
//   revoke_cancel().
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <type_traits>

#include "async/hart_mask.h"
#include "async/node.h"
#include "async/platform.h"
#include "async/shared_word.h"
#include "async/trace.h"

namespace async {

class Executor;
class WaitList;
struct PreemptibleOptions;
struct DetachedOptions;
struct JobLayout;
template <class T>
class Task;

inline constexpr std::uint8_t default_priority = 16;

enum class WaitResult : std::uint8_t {
  woken,      // the awaited event has happened
  cancelled,  // the job was cancelled
  timed_out,  // the wait's own deadline, or that of a with_deadline() around it, has passed
  closed,     // the channel was closed
};

class Job : public Node {
 public:
  const char* name() const noexcept { return name_; }
  /// Why the job waits: the string given to the await. Valid in Kind::waiting.
  const char* reason() const noexcept { return joins() ? "join" : reason_; }
  /// The effective priority (base or inherited, whichever is more urgent) is Node::priority.
  std::uint8_t base_priority() const noexcept { return own_.priority; }
  bool done() const noexcept { return kind == Kind::done; }

  /// Whether the job is outside the strand. Interrupt handlers and more urgent jobs may run in the
  /// middle of its steps.
  bool is_preemptible() const noexcept { return async::is_preemptible(step_kind()); }

  /// The harts on which its steps may run. A job on another hart moves to one of them before its
  /// next step.
  HartMask harts() const noexcept {
    if (harts_ == every_hart) [[likely]]
      return all_harts;
    return harts_ == listed_harts ? listed() : hart_mask(harts_);
  }
  bool may_run_on(unsigned hart) const noexcept {
    if (harts_ == every_hart || harts_ == hart) [[likely]]
      return true;
    return harts_ == listed_harts && (listed() & hart_mask(hart)) != 0;
  }
  bool may_run_anywhere() const noexcept { return harts_ == every_hart; }
  /// Whether it may run on another hart than `hart`.
  bool may_leave(unsigned hart) const noexcept { return harts_ != hart; }

  /// Cancels the job. Sticky and idempotent. In the strand; fails for a preemptible job.
  ASYNC_SLOW_PATH void cancel() noexcept;
  bool is_cancelled() const noexcept { return (flags_ & flag_cancelled) != 0; }
  /// Ends the effect of cancel() on later waits. For a cancellation that should end only the
  /// present wait, or refuse the next one. In the strand.
  void revoke_cancel() noexcept {
    flags_ &= ~flag_cancelled;
    update_stopped();
  }

  /// Whether refuses_to_wait() would return true: cancelled or past a deadline, and not shielded.
  bool is_stopped() const noexcept { return (flags_ & flag_stopped) != 0; }

  /// Whether another hart may continue the job, even in the middle of a step. True only for
  /// preemptible jobs that may run on several harts.
  bool migrates() const noexcept { return is_preemptible() && harts_ >= listed_harts; }

  /// Whether this is a parallel job (parallel.h).
  bool is_parallel() const noexcept { return platform::parallel_jobs && is_preemptible(); }

  /// The flags of a job that the running job spawns: a parallel job spawns parallel jobs.
  static std::uint8_t flags_of_child() noexcept {
    if constexpr (!platform::parallel_jobs) return 0;
    const Job* const parent = platform::job();
    return parent != nullptr && parent->is_preemptible() ? flag_preemptible : 0;
  }

  // The rest is for awaiters.

  /// Whether a wait that can be cut short must not start. If true, result() is set to the reason.
  bool refuses_to_wait() noexcept {
    if (!is_stopped()) [[likely]]
      return false;
    refuse();
    return true;
  }

  /// Undoes platform::begin_wait(): the job need not wait, and its step continues.
  void cancel_wait() const noexcept {
    if (is_preemptible()) [[unlikely]]
      platform::cancel_wait();
  }

  /// Names the coming wait: the job waits for `target` (null: only for time).
  void prepare(Node* target, const char* reason) noexcept {
    waits_for_ = target;
    reason_ = reason;
  }

  /// Names the coming wait: the job waits for the end of `target`. reason() is then "join".
  void prepare_to_join(Job* target) noexcept { waits_for_ = target; }

  /// Starts the wait; the executor will resume `leaf`. Call it in await_suspend(), after the job
  /// was linked into a list.
  void suspend(std::coroutine_handle<> leaf) noexcept {
    leaf_ = leaf;
    kind = Kind::waiting;
  }
  /// Like suspend(), but the job is in no list. Its wait is ended by a timer, or by code that has a
  /// pointer to the job.
  void suspend_alone(std::coroutine_handle<> leaf) noexcept {
    reset();
    suspend(leaf);
  }

  /// Ends the wait with `result` and makes the job ready; false if the job does not wait. Never
  /// resumes it. In the strand.
  bool complete(WaitResult result) noexcept;
  /// Like complete(), for a job that waits and is in no list. The caller has masked interrupts.
  void complete_alone(WaitResult result) noexcept;

  /// Like complete_alone(), for a waker that shares the strand. Not if jobs are watched(): then the
  /// caller wakes in the strand.
  void complete_sharing(WaitResult result = WaitResult::woken) noexcept;
  /// The job's next step shares the strand. Call it before the wait that ends the present step, and
  /// only if the hart shares the strand.
  void share_next_step() noexcept { flags_ |= flag_preempted; }

  WaitResult result() const noexcept { return result_; }
  void set_result(WaitResult result) noexcept { result_ = result; }
  Node* waits_for() const noexcept { return waits_for_; }
  std::coroutine_handle<> leaf() const noexcept { return leaf_; }
  void set_leaf(std::coroutine_handle<> leaf) noexcept { leaf_ = leaf; }

  static JobLayout layout(JobLayout pages) noexcept;  // graph.h

 private:
  friend class DeadlineScope;
  friend class Executor;
  friend class JobPool;
  friend class Mutex;
  friend class Parallel;
  friend class PromiseBase;
  friend class Shield;
  friend class WaitList;
  friend class JoinHandleBase;
  template <class Known>
  friend Job* start_job(Executor&, std::coroutine_handle<>, const char*, std::uint8_t, HartMask,
                        std::uint8_t, Known&&) noexcept;
  template <class Known>
  friend void spawn_detached(Task<void>, const DetachedOptions&, Known&&) noexcept;
  friend Job& spawn_preemptible(Task<void>, const PreemptibleOptions&) noexcept;
  friend struct ParkOp;

  static constexpr std::uint8_t flag_cancelled = 1;     // cancel() was called
  static constexpr std::uint8_t flag_shielded = 2;      // in a Shield: no wait is cut short
  static constexpr std::uint8_t flag_stopped = 4;       // (cancelled or expired) and not shielded
  static constexpr std::uint8_t flag_detached = 8;      // has no joiner: frees itself at its end
  static constexpr std::uint8_t flag_must_finish = 16;  // the present wait may not be cut short
  static constexpr std::uint8_t flag_cut = 32;          // a deadline cut or refused a wait
  // Preempted in mid-step; without flag_preemptible: the next step shares the strand.
  static constexpr std::uint8_t flag_preempted = 64;
  static constexpr std::uint8_t flag_preemptible = 128;

  // Bits, because riscv64 sets and clears bits of a byte in one atomic instruction, but exchanges
  // bytes in a loop.
  enum Park : std::uint8_t { park_none = 0, park_waiting = 1, park_token = 2 };

  Job(std::coroutine_handle<> leaf, const char* name, std::uint8_t priority, unsigned hart,
      std::uint8_t flags, HartMask harts) noexcept
      : Node(Kind::ready, priority, hart), own_(priority), flags_(flags), leaf_(leaf), name_(name) {
    set_harts(harts);
  }

  // A set of harts in one number: a hart's number stands for this hart alone.
  static constexpr HartNumber every_hart = static_cast<HartNumber>(-1);
  static constexpr HartNumber listed_harts = every_hart - 1;  // the job's page has the set

  void set_harts(HartMask harts) noexcept {
    if (harts == all_harts) [[likely]] {
      harts_ = every_hart;
    } else if (is_one_hart(harts)) {
      harts_ = static_cast<HartNumber>(first_hart(harts));
    } else {
      list(harts);
    }
  }
  ASYNC_SLOW_PATH HartMask listed() const noexcept;
  ASYNC_SLOW_PATH void list(HartMask harts) noexcept;

  StepKind step_kind() const noexcept {
    constexpr std::uint8_t kind_flags = flag_preemptible | flag_preempted;
    return static_cast<StepKind>(flags_ & kind_flags);
  }

  /// Whether the job waits for the end of another job.
  bool joins() const noexcept {
    if (waits_for_ == nullptr || waits_for_ == this) return false;
    const Kind target = waits_for_->kind;
    return target == Kind::ready || target == Kind::waiting || target == Kind::done;
  }

  ASYNC_SLOW_PATH void refuse() noexcept;
  void end_wait(WaitResult result) noexcept;  // complete_alone() without trace hook and policy
  // unlink() in worlds with parallel jobs: also acquires the lock of the wait list. In the strand.
  ASYNC_SLOW_PATH void leave_list() noexcept;
  WaitList* awaited_list() const noexcept;  // null: the job waits for no list
  ASYNC_SLOW_PATH void complete_watched(WaitResult result) noexcept;
  ASYNC_SLOW_PATH void begin_watched() noexcept;
  void update_stopped() noexcept;
  void cut_short(WaitResult result) noexcept;  // the present wait, if there is one that may be cut

  WaitResult result_ = WaitResult::woken;  // directly behind Node::kind: one store may write both
  struct PackedNumbers {
    std::uint8_t priority : 5;
    std::uint8_t expired : 3 = 0;
  };
  struct SharedNumbers {  // any hart reads and writes the priority of a parallel job
    RelaxedWord<std::uint8_t> priority;
    std::uint8_t expired = 0;
  };
  // The base priority, and how many DeadlineScopes around the present step have expired.
  std::conditional_t<platform::parallel_jobs, SharedNumbers, PackedNumbers> own_;
  SharedWord<std::uint8_t> flags_;  // executors read the step's kind before they enter the strand
  HartNumber harts_;                // where its steps may run
  platform::Atomic<std::uint8_t> park_ = park_none;  // any hart, see Executor::unpark
  std::coroutine_handle<> leaf_;  // the coroutine to resume; valid unless the job runs
  const char* name_;
  const char* reason_;  // set when the job waits, except by prepare_to_join()
  Node* waits_for_;
};
static_assert(sizeof(Job) == (sizeof(HartNumber) == 1 && !platform::parallel_jobs ? 56 : 64));

/// The job whose step runs on this hart. Task context only.
inline Job& current_job() noexcept {
  return *platform::job();
}
inline bool is_cancelled() noexcept {
  return current_job().is_cancelled();
}

}  // namespace async
