// A Job is one chain of awaits under the scheduler: a spawned task and whatever it awaits. It is
// what is queued, woken, prioritised, cancelled and printed; the coroutines themselves know nothing
// of it.
//
// A job waits for one thing at a time, so everything about a wait (the list, the reason, the
// result) is kept here and awaiters are almost empty: 56 bytes a job, all in.
//
// - A job's step runs on one hart at a time. A job of the strand (strand.h) may come to another
//   hart between two steps, and whoever is in the strand may wake, cancel or reprioritise it. Its
//   steps are never interrupted.
// - Preemptible jobs are outside the strand: interrupts reach them, more urgent jobs run in the
//   midst of their steps, and what they share with others must allow for that.
// - Interrupt handlers, and those outside the strand, reach a job through Executor::unpark()
//   and Interrupt::raise() alone.
// - A wait ends exactly once: whoever finds the job in Kind::waiting and calls complete() wins.
//   Whoever comes later finds it ready and changes nothing.
// - cancel() is sticky. It ends the wait it finds, and every later one that may be cancelled.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "async/node.h"
#include "async/platform.h"
#include "async/shared_word.h"
#include "async/trace.h"

namespace async {

class Executor;
struct PreemptibleOptions;
struct JobLayout;
template <class T>
class Task;

inline constexpr std::uint8_t default_priority = 16;

/// A set of harts, bit n for hart n. Worlds that are not parallel have more harts than bits, and no
/// use for it.
using HartMask = std::uint8_t;
inline constexpr HartMask all_harts = 0xff;
constexpr HartMask hart_mask(unsigned hart) noexcept {
  return static_cast<HartMask>(1u << (hart % 8));
}

enum class WaitResult : std::uint8_t {
  woken,      // what was waited for has happened
  cancelled,  // the job was cancelled
  timed_out,  // the wait's own deadline, or that of a with_deadline() around it, has passed
  closed,     // the other side of a channel is gone
};

class Job : public Node {
 public:
  const char* name() const noexcept { return name_; }
  /// Why it waits: the string given to the await. Meaningful in Kind::waiting.
  const char* reason() const noexcept { return joins() ? "join" : reason_; }
  /// The effective priority (base or inherited, whichever is more urgent) is Node::priority.
  std::uint8_t base_priority() const noexcept { return base_priority_; }
  bool done() const noexcept { return kind == Kind::done; }

  /// Is it outside the strand? Interrupts reach its steps, and more urgent jobs run in their midst.
  bool is_preemptible() const noexcept { return async::is_preemptible(step_kind()); }

  /// Where its steps may run. It goes there before its next step, if it is not there already.
  HartMask harts() const noexcept { return harts_; }
  bool may_run_on(unsigned hart) const noexcept { return (harts_ & hart_mask(hart)) != 0; }

  /// Sticky; idempotent. In the strand, of a job of the strand.
  ASYNC_SLOW_PATH void cancel() noexcept;
  bool is_cancelled() const noexcept { return (flags_ & flag_cancelled) != 0; }

  /// Would a wait that can be cut short be refused?
  bool is_stopped() const noexcept { return (flags_ & flag_stopped) != 0; }

  /// Is it outside the strand, and may another hart go on with it, even in the midst of a step?
  bool migrates() const noexcept { return is_preemptible() && (harts_ & (harts_ - 1)) != 0; }

  // The rest is for primitives: what an awaiter does.

  /// May a wait that can be cut short not start? If so, result() says why.
  bool refuses_to_wait() noexcept {
    if (!is_stopped()) [[likely]]
      return false;
    refuse();
    return true;
  }

  /// After platform::begin_wait(): there is nothing to wait for, the step goes on.
  void cancel_wait() const noexcept {
    if (is_preemptible()) [[unlikely]]
      platform::cancel_wait();
  }

  /// Names the coming wait: `target` is what is waited for (null: only time).
  void prepare(Node* target, const char* reason) noexcept {
    waits_for_ = target;
    reason_ = reason;
  }

  /// Names the coming wait for the end of `target`, which is reason enough.
  void prepare_to_join(Job* target) noexcept { waits_for_ = target; }

  /// From await_suspend, once the job is linked into a list: it waits from here on and goes on at
  /// `leaf`.
  void suspend(std::coroutine_handle<> leaf) noexcept {
    leaf_ = leaf;
    kind = Kind::waiting;
  }
  /// The same in no list: a timer, or whoever has a pointer to the job, ends the wait.
  void suspend_alone(std::coroutine_handle<> leaf) noexcept {
    reset();
    suspend(leaf);
  }

  /// Ends the wait with `result` and makes the job ready; false if it does not wait (any more).
  /// Never resumes it. In the strand.
  bool complete(WaitResult result) noexcept;
  /// The same, interrupts masked.
  bool complete_masked(WaitResult result) noexcept;
  /// The same for one that is known to wait, and in no list.
  void complete_alone(WaitResult result) noexcept;

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
  friend class PromiseBase;
  friend class Shield;
  friend class WaitList;
  friend class JoinHandleBase;
  friend Job* start_job(Executor&, std::coroutine_handle<>, const char*, std::uint8_t, HartMask,
                        std::uint8_t) noexcept;
  friend Job& spawn_preemptible(Task<void>, const PreemptibleOptions&) noexcept;
  friend struct ParkOp;

  static constexpr std::uint8_t flag_cancelled = 1;     // cancel() was called
  static constexpr std::uint8_t flag_shielded = 2;      // in a Shield: nothing is cut short
  static constexpr std::uint8_t flag_stopped = 4;       // (cancelled or expired) and not shielded
  static constexpr std::uint8_t flag_detached = 8;      // nobody joins: frees itself at its end
  static constexpr std::uint8_t flag_must_finish = 16;  // the present wait may not be cut short
  static constexpr std::uint8_t flag_cut = 32;          // a wait was cut or refused by a deadline
  static constexpr std::uint8_t flag_preempted = 64;    // a preemptible one, preempted in mid-step
  static constexpr std::uint8_t flag_preemptible = 128;

  enum Park : std::uint8_t { park_none, park_waiting, park_token };

  Job(std::coroutine_handle<> leaf, const char* name, std::uint8_t priority, unsigned hart,
      std::uint8_t flags, HartMask harts) noexcept
      : Node(Kind::ready, priority, hart),
        base_priority_(priority),
        flags_(flags),
        harts_(harts),
        leaf_(leaf),
        name_(name) {}

  StepKind step_kind() const noexcept {
    constexpr std::uint8_t kind_flags = flag_preemptible | flag_preempted;
    return static_cast<StepKind>(flags_ & kind_flags);
  }

  /// Is it another job that it waits for?
  bool joins() const noexcept {
    if (waits_for_ == nullptr || waits_for_ == this) return false;
    const Kind target = waits_for_->kind;
    return target == Kind::ready || target == Kind::waiting || target == Kind::done;
  }

  ASYNC_SLOW_PATH void refuse() noexcept;
  void end_wait(WaitResult result) noexcept;  // complete_alone(), not watched
  ASYNC_SLOW_PATH void complete_watched(WaitResult result) noexcept;
  ASYNC_SLOW_PATH void begin_watched() noexcept;
  void update_stopped() noexcept;
  void cut_short(WaitResult result) noexcept;  // the present wait, if there is one and it may be

  WaitResult result_ = WaitResult::woken;  // right behind Node::kind
  std::uint8_t base_priority_ : 5;
  std::uint8_t expired_ : 3 = 0;    // deadlines around the present step that have passed
  SharedWord<std::uint8_t> flags_;  // executors look at the step's kind before the strand is theirs
  HartMask harts_;                  // where its steps may run
  platform::Atomic<std::uint8_t> park_ = park_none;  // any hart, see Executor::unpark
  std::coroutine_handle<> leaf_;                     // where to go on; meaningful unless running
  const char* name_;
  const char* reason_;  // this and waits_for_: set when it waits; not when it joins
  Node* waits_for_;
};
static_assert(sizeof(Job) == 56);

/// The job whose step runs on this hart. Task context only.
inline Job& current_job() noexcept {
  return *platform::job();
}
inline bool is_cancelled() noexcept {
  return current_job().is_cancelled();
}

}  // namespace async
