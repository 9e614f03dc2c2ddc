// One executor per hart: 32 ready lists, most urgent first, first come first served within one; an
// inbox that interrupt handlers and other harts push to; timers.
//
//   spawn() ──► ready list ──► run_one() resumes the leaf ──► it awaits: Job::suspend()
//                   ▲                                              │
//                   └── dispatch() ◄── Job::complete() ◄───────────┘ woken, timed out or cancelled
//                   ▲        └── a better hart for it: its inbox
//             drain_inbox() ◄── push() ◄── unpark(), Interrupt::raise(), alarm_fired()
//
// - Nothing here allocates, and nothing but run_one() resumes a coroutine.
// - All is for task context of the executor's own hart, except what says "any context". Interrupts
//   are masked, or the function masks them itself.
// - An interrupt handler's wake is seen before the next step starts.
// - Ready lists are their own hart's alone. Between harts jobs move through inboxes: when they
//   become ready, to a hart that has nothing to do (placement.cpp); when a hart runs dry, because
//   it asks for one (U. Acar, A. Charguéraud, M. Rainey: Scheduling Parallel Programs by Work
//   Stealing with Private Deques, PPoPP 2013).
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>

#include "async/frame_pool.h"
#include "async/job.h"
#include "async/job_page.h"
#include "async/platform.h"
#include "async/ready_queue.h"
#include "async/shared_word.h"
#include "async/strand.h"
#include "async/timer.h"

namespace async {

class Mutex;
class WaitList;

class Executor {
 public:
  /// Construct on the hart it serves; becomes platform::local().executor there. One per hart.
  explicit Executor(unsigned hart = platform::hart()) noexcept;
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Any context. The executor of a hart, null before its construction.
  static Executor* of(unsigned hart) noexcept {
    return by_hart_[hart].load(std::memory_order_acquire);
  }

  /// Any context. The harts that have one.
  static HartMask all() noexcept {
    HartMask harts = 0;
    for (unsigned hart = 0; hart < platform::max_harts; ++hart) {
      if (of(hart) != nullptr) harts |= static_cast<HartMask>(1u << hart);
    }
    return harts;
  }

  /// Queues a job of Kind::ready here, last of its level.
  void schedule(Job& job) noexcept { ready_.push_back(job); }
  /// … on the hart where it was last, or on one that it may use and that has nothing to do. In the
  /// strand, or on the hart of a preemptible job.
  static void dispatch(Job& job) noexcept;
  /// … unless it may not run here any more, or would have to wait while another hart has nothing to
  /// do.
  void requeue(Job& job) noexcept {
    if constexpr (platform::parallel) {
      if (local_.smp_active && has_better_place(job, !ready_.empty())) [[unlikely]]
        return place(job);
    }
    ready_.push_back_running(job);
  }
  /// … first of its level: for one that was preempted.
  void schedule_first(Job& job) noexcept {
    if constexpr (platform::parallel) {
      if (local_.smp_active && has_better_place(job, true)) [[unlikely]]
        return place(job);
    }
    ready_.push_front(job);
  }

  /// Any context, any hart: ends a park() of `job`, or lets its next one pass.
  static void unpark(Job& job) noexcept;

  /// The alarm set with platform::set_alarm() has gone off. Interrupts masked, as in its handler.
  void alarm_fired() noexcept;

  /// Runs one step of the most urgent job; false if there is nothing to do.
  static bool run_one() noexcept;
  static void run_until_idle() noexcept;
  /// For ever, on this hart. `idle()` is called with interrupts masked when there is nothing to do;
  /// it waits for one, lets it be handled and returns, masked again.
  ///
  /// The stack below a step that was preempted may come to another hart with it, and with the stack
  /// this loop. So neither it nor the two above keep anything of a hart over a step.
  template <class Idle>
  [[noreturn]] static void run(Idle&& idle) noexcept;

  /// For a world's own loop, as run() has them: before it waits, where it looks into the inbox once
  /// more, and after. Interrupts masked.
  void begin_idling() noexcept;
  void end_idling() noexcept;
  bool inbox_is_empty() const noexcept {
    return is_inbox_end(inbox_.load(std::memory_order_relaxed));
  }

  /// The most urgent level that has a ready job (including those just woken by an interrupt);
  /// `priorities` if none.
  unsigned ready_priority() noexcept {
    look_into_inbox();
    return ready_.top();
  }
  /// Is a ready job more urgent than `priority` (0 … 32)? Cheap enough for every return to user
  /// mode.
  bool preempts(unsigned priority) noexcept {
    if (has_events()) [[unlikely]]
      return preempts_with_news(priority);
    return ready_.has_above(priority);
  }
  /// The same without a look at what interrupts have woken.
  bool has_ready_above(unsigned priority) const noexcept { return ready_.has_above(priority); }
  /// Something in the inbox, or a trace hook, or a policy. Only without do has_ready_above() and
  /// preempts() answer the same.
  bool has_events() const noexcept { return inbox_.load(std::memory_order_relaxed) != nullptr; }
  bool is_idle() const noexcept { return ready_.empty() && inbox_is_empty(); }

  /// Which of this hart's ready jobs runs next is `policy`'s to say from here on (null:
  /// priorities'), also while jobs are ready; it lives until another one is set. Between two steps.
  /// Only in worlds that have trace points.
  void set_policy(Policy* policy) noexcept;
  Policy* policy() const noexcept { return ready_.policy(); }
  /// The same from any hart and in the midst of a step, in the strand: this hart does it when it
  /// looks what is new, which is before it turns to another job. `policy` and the one that it has
  /// now live until then.
  void change_policy(Policy* policy) noexcept;
  /// What policies know of `job`; takes effect at once if it is ready on this hart.
  static void set_attributes(Job& job, const Attributes& attributes) noexcept;
  /// The earliest deadline of those who wait for a mutex that `job` holds; none: the largest.
  /// Outside the strand mutexes must not be looked at: it is none.
  static std::int64_t deadline_lent_to(const Job& job) noexcept {
    const bool has_none = !uses_deadlines() || !Strand::is_held();
    return has_none || JobPage::of(job).contended_of(job) == nullptr ? no_deadline
                                                                     : find_deadline_lent_to(job);
  }

  /// The step of local().job, whose coroutine has suspended without a wait and is still running as
  /// far as anybody knows, goes on. For worlds in which computing takes time but no instructions.
  static void go_on() noexcept;

  // Preemption in mid-step, by an interrupt handler of this hart. Interrupts masked.
  //
  //   preempt()       on the step's stack, which is then left
  //   ready_again()     on another one, when nobody is on the step's any more: from here on it may
  //                     be resumed, here or on another hart
  //   resume_preempted()         on the step's stack, by whoever has resumed the context

  /// `job`'s preemptible step, the running one, gives way: whoever resumes `context` goes on with
  /// it. What is returned is to be given back to resume_preempted().
  [[nodiscard]] static std::coroutine_handle<> preempt(Job& job,
                                                       std::coroutine_handle<> context) noexcept;
  /// What was preempted is ready: first of its level, or last where its turn is over.
  static void ready_again(bool turn_over) noexcept {
    Local& local = platform::local();
    Job& job = *local.job;
    local.job = nullptr;
    turn_over ? local.executor->requeue(job) : local.executor->schedule_first(job);
  }
  /// `job` is running again, where its step was preempted.
  static void resume_preempted(Job& job, std::coroutine_handle<> leaf) noexcept;

  /// Sets the base priority; takes effect at once wherever the job is (a ready one goes to the end
  /// of its new level).
  void set_priority(Job& job, std::uint8_t priority) noexcept;

  /// The wheel is the strand's, whoever arms.
  void arm(Timer& timer, Instant deadline) noexcept {
    platform::InterruptGuard masked;
    const Strand::Guard strand;
    timers_.insert(timer, deadline);
    if (deadline < alarm_) set_alarm(deadline);
  }
  /// Wherever it was armed.
  static void disarm(Timer& timer) noexcept {
    if (!timer.armed()) return;
    platform::InterruptGuard masked;
    const Strand::Guard strand;
    if (timer.armed()) timer.wheel().remove(timer);  // … still
  }
  /// Fires what is due at `now` and sets the next alarm.
  void expire(Instant now) noexcept;

  /// Where the job's steps may run from now on; at least one of them has an executor. One that is
  /// ready elsewhere moves at once, one that runs when it yields next. In the strand.
  void set_harts(Job& job, HartMask harts) noexcept;
  /// Harts that have nothing to do. A hint: it may be otherwise already. Any context.
  static HartMask idle_harts() noexcept { return idle_harts_.load(std::memory_order_relaxed); }

  /// Jobs that came here from another hart so far. Any context.
  std::uint64_t migrations() const noexcept { return migrations_.load(std::memory_order_relaxed); }

  unsigned hart() const noexcept { return hart_; }

  /// Where the running step's jobs come from and go to: see with_frame_pool().
  JobPool& jobs() noexcept {
    if constexpr (platform::parallel) {
      if (platform::local().in_strand) return Strand::pools.jobs;
    }
    return jobs_;
  }

  /// Is it this job's step that runs on its hart? Of a job elsewhere: a moment ago.
  static bool is_running(const Job& job) noexcept {
    const Executor* const executor = of(job.hart);
    return executor != nullptr && executor->local_.job.seen_from_elsewhere() == &job;
  }

 private:
  friend class Interrupt;
  friend class Job;
  friend class Mutex;
  friend class Strand;
  friend void set_trace_hook(TraceHook) noexcept;

  void look_into_inbox() noexcept {
    if (has_events() && !inbox_is_empty()) [[unlikely]]
      drain_inbox();
  }
  static bool is_inbox_end(const Link* link) noexcept {
    return link == nullptr || link == &traced_inbox_end_ || link == &policy_inbox_end_;
  }
  /// Of the inbox as things are.
  Link* inbox_end() const noexcept;
  /// This hart's.
  static Executor& current() noexcept { return *platform::local().executor; }

  /// `and_more`: as many as there are under a policy, which is cheaper than one by one.
  [[gnu::always_inline]] bool step(Local& local, bool and_more) noexcept;
  /// `stopped()`: after the step, and before anybody else can wake, take or free the job, unless it
  /// migrates.
  template <class Stopped>
  [[gnu::always_inline]] static void resume(Local& local, Job& job, Stopped stopped) noexcept;
  [[gnu::always_inline]] static void begin_step(const Local& local, StepKind kind) noexcept;
  [[gnu::always_inline]] static void end_step() noexcept;
  /// The same after draining the inbox, with trace points around it, and a policy.
  bool step_with_news(Local& local, bool and_more) noexcept;
  [[gnu::cold]] bool step_watched(Local& local) noexcept;
  [[gnu::always_inline]] static void resume_watched(Local& local, Job& job) noexcept;
  static void update_watched() noexcept;
  /// Whether any hart's policy goes by deadlines. Any context.
  static bool uses_deadlines() noexcept {
    if constexpr (!platform::tracing) return false;
    return deadlines_in_use_;
  }
  /// Puts `node` into the inbox. Any hart, interrupts masked.
  ///
  /// The push that finds the inbox empty sends the hart an IPI; those that find it full rely on
  /// that IPI. So interrupts stay masked from the exchange that publishes to the IPI, and from the
  /// exchange that makes the caller the one to push (Job::park_, Interrupt::raised_,
  /// reprioritize_pending_ …) to the push. If the caller were preempted in between, the hart could
  /// sleep for ever: the caller may itself become ready through that inbox, or wait behind a job
  /// that awaits that hart.
  ///
  /// A push on the hart itself sends no IPI: the hart looks when the step or the handler ends. An
  /// preemptible step may last, so pushes from elsewhere do not rely on a push of its own
  /// (without_ipi_).
  void push(Node& node) noexcept;
  bool is_in_preemptible_step() const noexcept {
    return hart_ == platform::hart() && local_.job != nullptr && local_.job->is_preemptible();
  }
  ASYNC_SLOW_PATH void drain_inbox() noexcept;
  ASYNC_SLOW_PATH bool preempts_with_news(unsigned priority) noexcept;
  void set_alarm(Instant deadline) noexcept;
  void apply_priority(Job& job, std::uint8_t priority) noexcept;
  void inherit(Job& job) noexcept;  // recompute the effective priority, and of whom it waits for
  static std::uint8_t effective_priority(const Job& job) noexcept;
  // policy.cpp: deadlines are inherited as priorities are.
  static constexpr std::int64_t no_deadline = never.time_since_epoch().count();
  static std::int64_t find_deadline_lent_to(const Job& job) noexcept;
  static std::int64_t deadline_of(const Job& job) noexcept;
  ASYNC_SLOW_PATH bool update_deadline(Job& job) noexcept;  // true: it is another one
  static Job* first_due(WaitList& waiters) noexcept;
  /// `job` was outside the strand, in no list, and is back: what others have changed meanwhile.
  void catch_up(Job& job) noexcept {
    if (reprioritize_pending_.load(std::memory_order_relaxed))
      job.priority = effective_priority(job);
  }

  // placement.cpp
  ASYNC_SLOW_PATH void place(Job& job) noexcept;
  bool has_better_place(const Job& job, bool would_wait) const noexcept {
    return !job.may_run_on(hart_) || (would_wait && (idle_harts() & job.harts_) != 0);
  }
  void send(Job& job, unsigned hart) noexcept;
  void receive(Job& job) noexcept;
  void offer_rest() noexcept;
  void offer_all() noexcept;
  bool offer_found(Search& search) noexcept;
  void request_next_offer() noexcept;
  ASYNC_SLOW_PATH void begin_step_smp(StepKind kind) noexcept;
  void pass_on(Node& request) noexcept;
  void handle_steal(Node& request) noexcept;
  bool stop_asking() noexcept;
  void request_resort() noexcept;
  void reprioritize_ready() noexcept;

  ReadyQueue ready_;  // first: whose address the paths off the fast one are given
  // Linked through next, newest first. With a trace hook it ends not with null but with
  // `traced_inbox_end_`, with nothing but a policy with `policy_inbox_end_`: so the one test for
  // something in it, before each step, is also the one for these.
  platform::Atomic<Link*> inbox_ = nullptr;
  // True: a preemptible step of this hart may have pushed the oldest node, without an IPI.
  // Only this hart writes it, before the exchange that publishes the node. Others read it after an
  // exchange that has seen that node.
  platform::Atomic<bool> without_ipi_ = false;
  static Link traced_inbox_end_;
  static Link policy_inbox_end_;
  JobPool jobs_;
  Local& local_ = platform::local();
  unsigned hart_;
  Instant alarm_ = never;  // what set_alarm() was last told
  Node alarm_node_{Kind::alarm, 0};
  platform::Atomic<bool> alarm_pending_ = false;
  TimerWheel timers_;

  Node reprioritize_node_{Kind::reprioritize, 0};
  platform::Atomic<bool> reprioritize_pending_ = false;
  Node change_node_{Kind::change, 0};
  bool change_pending_ = false;  // in the strand, as what it is to change to
  Policy* coming_policy_ = nullptr;
  // A search of the ready jobs for idle harts. Only this hart accesses it.
  Node offer_node_{Kind::offer, 0};
  bool offer_pending_ = false;  // offer_node_ is in the inbox
  bool offering_ = false;       // a search is under way
  bool offer_again_ = false;    // begin the search again when it is over
  Node request_{Kind::steal_request, 0,
                hart_};  // asks other harts for a job; goes from hart to hart
  enum Asking : std::uint8_t { not_asking, asking, ask_again };
  platform::Atomic<std::uint8_t> asking_ = not_asking;
  platform::Atomic<std::uint64_t> migrations_ = 0;

  static std::array<platform::Atomic<Executor*>, platform::max_harts> by_hart_;
  static platform::Atomic<HartMask> idle_harts_;
  // Written in the strand, read also outside of it.
  static SharedWord<bool> policies_in_use_;   // some hart has a policy
  static SharedWord<bool> deadlines_in_use_;  // some hart's policy goes by deadlines
};

inline Executor& current_executor() noexcept {
  return *platform::local().executor;
}

}  // namespace async

#include "async/executor_fast.h"  // IWYU pragma: export
