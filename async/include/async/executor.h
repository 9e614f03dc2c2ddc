// One executor per hart. It has 32 ready lists (level 0 is the most urgent; first come, first
// served within a level), timers, and an inbox that interrupt handlers and other harts push to.
//
//   spawn() ──► ready list ──► run_one() resumes the leaf ──► it awaits: Job::suspend()
//                   ▲                                              │
//                   └── dispatch() ◄── Job::complete() ◄───────────┘ woken, timed out or cancelled
//                   ▲        └── another hart suits the job better: that hart's inbox
//             drain_inbox() ◄── push() ◄── unpark(), Interrupt::raise(), alarm_fired()
//
// - The executor never allocates memory. Only its steps resume coroutines: a wake never does.
// - Call a function only in task context on the executor's own hart, unless its comment says "any
//   context". Interrupts are masked, or the function masks them itself.
// - A wake by an interrupt handler takes effect before the next step starts.
// - Only its own hart changes a ready list. Jobs move between harts through inboxes. A job that
//   becomes ready goes to an idle hart (placement.cpp). A hart without ready jobs requests one from
//   the other harts (U. Acar, A. Charguéraud, M. Rainey: Scheduling Parallel Programs by Work
//   Stealing with Private Deques, PPoPP 2013).
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>

#include "async/fault.h"
#include "async/frame_header.h"
#include "async/frame_pool.h"
#include "async/job.h"
#include "async/job_page.h"
#include "async/list_lock.h"
#include "async/platform.h"
#include "async/ready_queue.h"
#include "async/shared_word.h"
#include "async/strand.h"
#include "async/timer.h"

namespace async {

class Mutex;
class MutexWaiters;
class WaitList;

class Executor {
 public:
  /// Construct it on the hart it serves. It becomes that hart's platform::local().executor. A
  /// second executor for the same hart fails.
  explicit Executor(unsigned hart = platform::hart()) noexcept;
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// The executor of a hart; null before its construction. Any context.
  static Executor* of(unsigned hart) noexcept {
    return by_hart_[hart].load(std::memory_order_acquire);
  }

  /// All harts that have an executor have smaller numbers. It grows as executors are made. Any
  /// context.
  static unsigned end() noexcept { return end_.load(std::memory_order_relaxed); }
  /// The harts that have an executor. Any context.
  static HartMask all() noexcept {
    HartMask harts = 0;
    for (unsigned hart = 0; hart < end(); ++hart) {
      if (of(hart) != nullptr) harts |= hart_mask(hart);
    }
    return harts;
  }

  /// Puts a job of Kind::ready into this hart's ready list, last of its level.
  void schedule(Job& job) noexcept { ready_.push_back(job); }
  /// Sends a job of Kind::ready to an idle hart that it may use. If no such hart is idle, the job
  /// goes to the hart where it was last or, if it may not run there, to another one that it may
  /// use. Call it in the strand; for a preemptible job on the job's hart.
  static void dispatch(Job& job) noexcept;
  /// Like dispatch(), while this hart shares the strand. `job` may have begun its wait while its
  /// hart shared the strand, and that step may not have ended. So only its own hart sends it on.
  static void dispatch_sharing(Job& job) noexcept;
  /// Puts the running job, which yields, last of its level. The job goes to another hart if it may
  /// no longer run here, or if it would wait here while a hart that it may use idles.
  void requeue(Job& job) noexcept {
    if constexpr (platform::parallel) {
      if (local_.smp_active) [[unlikely]]
        return requeue_smp(job, false);
    }
    ready_.push_back_running(job);
  }
  /// Ends the step of the running job, as requeue() does. The job's next step resumes `leaf`.
  /// Returns the coroutine that the caller must resume. If only the next ready job needs the hart,
  /// this is the next job's coroutine: its step begins without the loop of run_until_idle(). On a
  /// machine of several harts it is always the loop.
  [[nodiscard]] static std::coroutine_handle<> yield(std::coroutine_handle<> leaf) noexcept;
  /// Makes a parallel job ready that is on this hart (parallel.h): it runs before the jobs of its
  /// level that became ready earlier.
  void schedule_parallel(Job& job) noexcept {
    if (!job.may_run_on(hart_)) [[unlikely]]
      return place(job);
    job.priority = job.base_priority();
    note_harts_of(job);
    ready_.push_newest(job);
  }
  /// Like requeue() or, if `first`, like schedule_first(), in a step that shares the strand: the
  /// job stays on this hart, and its next step shares the strand, too. Returns false if the job
  /// might have to leave, because a hart idles or it may use only some harts, or if has_events() is
  /// true: the caller then yields in the strand.
  bool requeue_sharing(Job& job, bool first) noexcept {
    if (!may_yield_sharing(job)) return false;
    job.share_next_step();
    first ? ready_.push_front(job) : ready_.push_back_running(job);
    return true;
  }
  /// Like requeue_sharing(job, false), but may hand over to the next job: the hart goes on sharing
  /// the strand. Returns the coroutine that the caller resumes. Returns null, and changes nothing,
  /// if requeue_sharing() would return false.
  [[nodiscard]] std::coroutine_handle<> hand_over_sharing(Job& job) noexcept;
  /// Like requeue(), but first of its level: for a job that was preempted.
  void schedule_first(Job& job) noexcept {
    if constexpr (platform::parallel) {
      if (local_.smp_active) [[unlikely]]
        return requeue_smp(job, true);
    }
    ready_.push_front(job);
  }

  /// Ends a park() of `job`. If the job is not parked, its next park() returns at once. Any
  /// context, any hart.
  static void unpark(Job& job) noexcept;

  /// Called when the alarm of platform::set_alarm() fires. Interrupts masked, as in its handler.
  void alarm_fired() noexcept;

  /// Runs one step of the most urgent ready job; false if no job is ready. A step that shares the
  /// strand may hand over to the next job. Then the call also runs that job's step.
  static bool run_one() noexcept;
  static void run_until_idle() noexcept;
  /// Runs jobs on this hart for ever. Calls `idle()` with interrupts masked when no job is ready.
  /// `idle()` waits for an interrupt, and returns with interrupts masked. The interrupt is taken in
  /// `idle()` or at the next platform::yield_point().
  ///
  /// When a step is preempted, another hart may resume its stack, and with it this loop. So run(),
  /// run_one() and run_until_idle() keep no per-hart data across a step.
  template <class Sleep>
  [[noreturn]] static void run(Sleep&& idle) noexcept;

  /// For a world with a loop of its own instead of run(). Call begin_idling() before the hart
  /// waits, then test inbox_is_empty() once more; call end_idling() after the wait. Interrupts
  /// masked.
  void begin_idling() noexcept;
  void end_idling() noexcept;
  bool inbox_is_empty() const noexcept {
    return is_inbox_end(inbox_.load(std::memory_order_relaxed));
  }

  /// What a detector of lost IPIs sees of a hart, in worlds that inject faults. The hart may be
  /// about to drain its inbox. If two looks are equal, it has not drained it in between.
  struct Ignored {
    const Node* newest = nullptr;  // the newest entry of the inbox; null if the hart runs a job
    std::uint32_t drains = 0;
    friend bool operator==(const Ignored&, const Ignored&) = default;
  };
  /// Any hart.
  Ignored ignored() const noexcept {
    const std::uint32_t drains = drains_;
    if (local_.job.seen_from_elsewhere() != nullptr) return {nullptr, drains};
    const Link* const newest = inbox_.load(std::memory_order_acquire);
    return {is_inbox_end(newest) ? nullptr : static_cast<const Node*>(newest), drains};
  }

  /// Drains the inbox and returns the most urgent level that has a ready job; `priorities` if there
  /// is none.
  unsigned ready_priority() noexcept {
    look_into_inbox();
    return ready_.top();
  }
  /// Drains the inbox and returns whether a ready job is more urgent than `priority` (0 … 32).
  /// Cheap enough for every return to user mode.
  bool preempts(unsigned priority) noexcept {
    if (has_events()) [[unlikely]]
      return preempts_with_events(priority);
    return ready_.has_above(priority);
  }
  /// Like preempts(), but does not drain the inbox: ignores jobs that interrupts have just woken.
  bool has_ready_above(unsigned priority) const noexcept { return ready_.has_above(priority); }
  /// Whether Strand::leave() would look for ready jobs of this hart that idle harts may run. A hart
  /// that shares the strand, and is about to run a program, enters the strand for that.
  bool must_offer() noexcept { return may_have_jobs_for_others_ && has_rest_for_idle_harts(); }
  /// Whether the inbox has entries, or a trace hook or a policy is set. If this is false,
  /// has_ready_above() equals preempts().
  bool has_events() const noexcept { return inbox_.load(std::memory_order_relaxed) != nullptr; }
  bool is_idle() const noexcept { return ready_.empty() && inbox_is_empty(); }

  /// Sets the scheduling policy, which picks this hart's next job from now on; null: fixed
  /// priorities. Jobs may be ready. `policy` must live until another one is set. Call it between
  /// two steps. Fails unless platform::tracing is true.
  void set_policy(Policy* policy) noexcept;
  Policy* policy() const noexcept { return ready_.policy(); }
  /// Like set_policy(), but from any hart and in mid-step, in the strand. The executor's hart sets
  /// the policy when it drains its inbox, which it does before its next job. `policy` and the
  /// present policy must live until then.
  void change_policy(Policy* policy) noexcept;
  /// Sets the attributes of `job` that policies use. They take effect at once. Call it on the job's
  /// hart: it may reorder that hart's ready jobs.
  ///
  /// If no hart has a policy, the first policy finds the attributes that were set since the last
  /// one was removed.
  static void set_attributes(Job& job, const Attributes& attributes) noexcept;
  /// The earliest deadline, in ns, of the jobs that wait for a mutex that `job` holds; the largest
  /// value if there is none, or if no hart's policy uses deadlines. If Strand::is_held() is false,
  /// the caller may not read mutexes, so this also returns the largest value.
  static std::int64_t deadline_lent_to(const Job& job) noexcept {
    const bool has_none = !uses_deadlines() || !Strand::is_held();
    return has_none || JobPage::of(job).contended_of(job) == nullptr ? no_deadline
                                                                     : find_deadline_lent_to(job);
  }

  /// Resumes the step of local().job. The coroutine has suspended without a wait, so its step still
  /// counts as running. For worlds in which computing takes virtual time but no instructions.
  static void resume_step() noexcept;

  // Preemption in mid-step, by an interrupt handler of this hart. Interrupts masked.
  //
  //   preempt()           on the step's stack, which the hart then leaves
  //   ready_again()       on another stack; from here on any hart that `job` may use can resume it
  //   resume_preempted()  on the step's stack, after the executor has resumed `context`

  /// Preempts the running step of `job`, a preemptible job. The executor will resume `context` to
  /// continue the step. Returns the job's leaf, which the caller passes to resume_preempted().
  [[nodiscard]] static std::coroutine_handle<> preempt(Job& job,
                                                       std::coroutine_handle<> context) noexcept;
  /// Makes the preempted job ready: first of its level, or last if its time slice is over.
  static void ready_again(bool slice_over) noexcept {
    Local& local = platform::local();
    Job& job = *local.job;
    local.job = nullptr;
    slice_over ? local.executor->requeue(job) : local.executor->schedule_first(job);
  }
  /// Continues the preempted step of `job`. `leaf` is what preempt() returned.
  static void resume_preempted(Job& job, std::coroutine_handle<> leaf) noexcept;

  /// Sets the base priority (0 … 31, else it fails). It takes effect at once wherever the job is; a
  /// ready job goes to the end of its new level. In the strand. A step that shares the strand may
  /// call it for its own job, if has_events() is false.
  ///
  /// Any job may set the priority of a parallel job. One that waits keeps its place in the list,
  /// and takes the priority over when it becomes ready. One that is ready takes it over when its
  /// hart next drains its inbox; its place in the new level is then not defined.
  void set_priority(Job& job, std::uint8_t priority) noexcept;

  /// Arms `timer` in this hart's wheel. Enters the strand, unless the step is in it or shares it.
  void arm(Timer& timer, Instant deadline) noexcept {
    platform::InterruptGuard masked;
    const Strand::Guard strand{!Strand::is_held_or_shared()};
    timers_.insert(timer, deadline);
    if (deadline < alarm_) set_alarm(deadline);
  }
  /// Disarms `timer`, on whichever hart it was armed. A step that shares the strand may disarm only
  /// timers of its hart's wheel.
  static void disarm(Timer& timer) noexcept {
    if constexpr (!platform::parallel_jobs) {
      if (!timer.armed()) return;
    }
    platform::InterruptGuard masked;
    const Strand::Guard strand{!Strand::is_held_or_shared()};
    if (timer.armed()) {  // the timer may have fired since
      Strand::check_access_unless([&timer] { return current().has_wheel(timer.wheel()); });
      timer.wheel().remove(timer);
    }
  }
  bool has_wheel(const TimerWheel& wheel) const noexcept { return &wheel == &timers_; }
  /// Forgets the alarm if no timer is armed in this hart's wheel, and returns whether it did. The
  /// caller then clears the platform's alarm. In the strand.
  bool forget_stale_alarm() noexcept {
    if (timers_.next() != never) return false;
    alarm_ = never;
    return true;
  }
  /// Fires the timers that are due at `now` and sets the next alarm. In the strand.
  void expire(Instant now) noexcept;

  /// Sets the harts on which the job's steps may run; at least one of them must have an executor. A
  /// job on another hart moves: at once if it is ready, when it next yields if it runs. In the
  /// strand. A step that shares the strand may call it for its own job, if `harts` are all harts or
  /// only this one. A parallel job may call it for itself, and no other job for a parallel job.
  void set_harts(Job& job, HartMask harts) noexcept;
  /// The idle harts. A hint: it may be out of date. Any context.
  static HartMask idle_harts() noexcept { return idle_.harts.load(std::memory_order_relaxed); }

  /// How many jobs have come here from another hart so far. Any context.
  std::uint64_t migrations() const noexcept { return migrations_.load(std::memory_order_relaxed); }

  unsigned hart() const noexcept { return hart_; }

  /// The inbox, for the trap entry of the executor's own hart. The entry pushes in assembly, with
  /// interrupts masked: it exchanges the inbox for the node and then writes the node's `next`. Only
  /// this hart reads `next`, so no code sees the node in between.
  platform::Atomic<Link*>& inbox() noexcept { return inbox_; }

  /// The hart's pool of jobs.
  JobPool& jobs() noexcept { return jobs_; }

  /// Whether the job's hart runs a step of this job. For a job of another hart the answer may be
  /// out of date.
  static bool is_running(const Job& job) noexcept {
    const Executor* const executor = of(job.hart);
    return executor != nullptr && executor->is_seen_running(&job);
  }
  /// Whether this executor's hart runs a step of `job`, which may have ended. Any hart; the answer
  /// may be out of date.
  bool is_seen_running(const Job* job) const noexcept {
    return local_.job.seen_from_elsewhere() == job;
  }
  /// The executor of another hart that runs a step of `job`, or null. Like is_seen_running(), it
  /// reads nothing of the job.
  static const Executor* elsewhere_running(const Job* job) noexcept;

 private:
  friend class Interrupt;
  friend class Job;
  friend class Mutex;
  friend class Parallel;
  friend class Strand;
  friend void set_trace_hook(TraceHook) noexcept;

  void look_into_inbox() noexcept {
    if (has_events() && !inbox_is_empty()) [[unlikely]]
      drain_inbox();
  }
  static bool is_inbox_end(const Link* link) noexcept {
    return link == nullptr || link == &traced_inbox_end_ || link == &policy_inbox_end_;
  }
  /// The link that ends this inbox now: null or a sentinel (see inbox_).
  Link* inbox_end() const noexcept;
  static Executor& current() noexcept { return *platform::local().executor; }

  /// Runs one step. Returns the Local of the hart on which the step has ended, which may be another
  /// hart than before; null if no job is ready. With `and_more`, under a policy, it runs step after
  /// step, which is cheaper than one call for each.
  [[gnu::always_inline]] Local* step(Local& local, bool and_more) noexcept;
  /// Runs one step of `job`, then calls `stopped()`. Until that has returned, no other code can
  /// wake, move or free the job, unless the job migrates or its step shares the strand. Returns the
  /// Local of the hart on which the step has ended.
  template <class Stopped>
  [[gnu::always_inline]] static Local& resume(Local& local, Job& job, Stopped stopped) noexcept;
  [[gnu::always_inline]] static void begin_step(const Local& local, StepKind kind) noexcept;
  [[gnu::always_inline]] static void end_step(const Local& local) noexcept;
  /// The part of step() for has_events(): also drains the inbox, calls the trace hook and serves
  /// the policy.
  bool step_with_events(Local& local, bool and_more) noexcept;
  [[gnu::cold]] bool step_watched(Local& local) noexcept;
  [[gnu::always_inline]] static void resume_watched(Local& local, Job& job) noexcept;
  static void update_watched() noexcept;
  [[gnu::cold]] static void begin_attributes() noexcept;
  /// Whether any hart's policy uses deadlines. Any context.
  static bool uses_deadlines() noexcept {
    if constexpr (!platform::tracing) return false;
    return deadlines_in_use_;
  }
  /// Puts `node` into the inbox. Any hart, interrupts masked.
  ///
  /// The push that finds the inbox empty sends the hart an IPI. Later pushes rely on that IPI. So
  /// interrupts stay masked from the exchange that publishes the node until the IPI is sent. They
  /// are already masked at the operation that lets the caller push (Job::park_, Interrupt::raised_,
  /// reprioritize_pending_ …). If the caller were preempted in between, the hart could sleep for
  /// ever: the caller may itself become ready through that inbox, or wait behind a job that awaits
  /// that hart.
  ///
  /// A push by the hart itself sends no IPI, because the hart drains its inbox when the step or the
  /// handler ends. A preemptible step may take long, so pushes from other harts do not rely on a
  /// push from such a step (without_ipi_).
  void push(Node& node) noexcept;
  /// Takes `node` out of the inbox if the inbox has no other entry and ends with null. Otherwise
  /// returns false. On the executor's own hart, interrupts masked.
  bool take_from_inbox(Link& node) noexcept {
    Link* only = &node;
    if (inbox_.load(std::memory_order_relaxed) != only || node.next != nullptr) return false;
    return inbox_.compare_exchange_strong(only, nullptr, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
  }
  bool is_in_preemptible_step() const noexcept {
    return hart_ == platform::hart() && local_.job != nullptr && local_.job->is_preemptible();
  }
  ASYNC_SLOW_PATH void drain_inbox() noexcept;
  /// drain_inbox() for every inbox. Interrupts are masked.
  ASYNC_SLOW_PATH void drain_all() noexcept;
  bool expire_sharing() noexcept;
  void set_next_alarm() noexcept;
  ASYNC_SLOW_PATH bool preempts_with_events(unsigned priority) noexcept;
  void set_alarm(Instant deadline) noexcept;
  void apply_priority(Job& job, std::uint8_t priority) noexcept;
  void apply_parallel_priority(Job& job) noexcept;
  // Recomputes the effective priority and deadline of `job`, and of each mutex owner up the chain.
  void inherit(Job& job) noexcept;
  static std::uint8_t effective_priority(const Job& job) noexcept;
  // Inheritance of deadlines, with the rules of priority inheritance.
  static constexpr std::int64_t no_deadline = never.time_since_epoch().count();
  static std::int64_t find_deadline_lent_to(const Job& job) noexcept;
  static std::int64_t deadline_of(const Job& job) noexcept;
  ASYNC_SLOW_PATH bool update_deadline(Job& job) noexcept;  // true: the deadline has changed
  static Job* first_due(MutexWaiters& waiters) noexcept;
  // The heap of a mutex's waiters (mutex.h), for the waiter `job`. The caller has tested
  // uses_deadlines(). While it is false, all these heaps are empty.
  ASYNC_SLOW_PATH void sort_in(Job& job) noexcept;
  ASYNC_SLOW_PATH static void take_from_heap(Job& job) noexcept;
  static void enter_heap(Job& job) noexcept;
  static void empty_heaps() noexcept;
  static void fill_heaps() noexcept;
  /// The running `job` enters the strand. If a step of another hart has changed the job's priority
  /// in the meantime, the change is still in the inbox, and the job takes it over now.
  void catch_up(Job& job) noexcept {
    if (reprioritize_pending_.load(std::memory_order_relaxed))
      job.priority = effective_priority(job);
  }

  // Defined in placement.cpp: schedule(), requeue() and schedule_first() with several harts. Tail
  // calls, so that their callers need no stack frame on a machine with one hart.
  ASYNC_SLOW_PATH void dispatch_smp(Job& job) noexcept;
  ASYNC_SLOW_PATH void requeue_smp(Job& job, bool first) noexcept;
  ASYNC_SLOW_PATH void place(Job& job) noexcept;
  /// Sends `job`, which becomes ready, to another hart if that is better, and returns true.
  /// Otherwise the caller puts it into the ready list. With `would_queue`, it would wait there.
  bool goes_elsewhere(Job& job, bool would_queue) noexcept {
    return !stays(job, would_queue) && leaves(job, would_queue);
  }
  /// A quick answer for most jobs: whether `job` stays here.
  bool stays(const Job& job, bool would_queue) noexcept {
    if (!job.may_leave(hart_)) return true;
    if (!job.may_run_anywhere() || (would_queue && idle_harts() != 0)) return false;
    note_job_for_others();
    return true;
  }
  ASYNC_SLOW_PATH bool leaves(Job& job, bool would_queue) noexcept;
  void send(Job& job, unsigned hart) noexcept;
  void receive(Job& job) noexcept;
  void receive_ready(Job& job) noexcept;
  /// Notes where `job`, which enters the ready list, may run.
  void note_harts_of(const Job& job) noexcept {
    if (job.may_leave(hart_)) note_job_for_others();
  }
  void note_job_for_others() noexcept {
    if (may_have_jobs_for_others_) return;
    may_have_jobs_for_others_ = true;
    hides_job_for_others_ = !ready_.empty();
  }
  /// False: no ready job may run on another hart.
  bool may_have_jobs_for_others() noexcept {
    if (ready_.empty()) may_have_jobs_for_others_ = false;
    return may_have_jobs_for_others_;
  }
  ASYNC_SLOW_PATH void offer_rest() noexcept;
  ASYNC_SLOW_PATH bool has_rest_for_idle_harts() noexcept;
  /// The hart has left the strand, and its inbox may have entries. If so, makes it drain them.
  ASYNC_SLOW_PATH void drain_soon() noexcept;
  void offer_all() noexcept;
  bool offer_found(Search& search) noexcept;
  void request_next_offer() noexcept;
  ASYNC_SLOW_PATH void begin_step_smp(StepKind kind) noexcept;
  void begin_sharing_step() noexcept;
  bool may_yield_sharing(const Job& job) noexcept { return !has_events() && stays(job, true); }
  template <StepKind kind>
  [[gnu::always_inline]] static std::coroutine_handle<> hand_over(Local& local, Job& next) noexcept;
  static void yield_to_loop(void*) noexcept;
  static void* begin_next_step() noexcept;
  static void begin_next(void*);
  void pass_on(Node& request) noexcept;
  void handle_steal(Node& request) noexcept;
  bool stop_asking() noexcept;
  void request_reprioritize() noexcept;
  void reprioritize_ready() noexcept;

  // Whether a coroutine that resumes another one uses no stack for it. GCC does not guarantee that,
  // so with it a long series of steps that hand over could overflow the stack.
#ifdef __clang__
  static constexpr bool calls_tails = true;
#else
  static constexpr bool calls_tails = false;
#endif
  // Two coroutines to which yield() transfers control. The first one yields by way of the loop of
  // run_until_idle(). The second one begins the step of local().job, a preemptible job.
  static FrameHeader to_loop_, next_beginning_;

  ReadyQueue ready_;  // the first member: the executor's address is also the address of the queue
  // The inbox is in a cache line of its own, because other harts write to it.
  //
  // Linked through next, newest first. The last link is `traced_inbox_end_` if a trace hook is set,
  // else `policy_inbox_end_` if a policy is set, else null. So one comparison with null before each
  // step finds entries, a hook or a policy.
  alignas(64) platform::Atomic<Link*> inbox_ = nullptr;
  // True: a preemptible step of this hart may have pushed the oldest node, without an IPI. Only
  // this hart writes it, before the exchange that publishes the node. Other harts read it after an
  // exchange that has seen that node.
  platform::Atomic<bool> without_ipi_ = false;
  platform::Atomic<bool> reprioritize_pending_ = false;  // reprioritize_node_ is in the inbox
  static Link traced_inbox_end_;
  static Link policy_inbox_end_;
  // What changes seldom: harts that begin to idle read the first word.
  //
  // A job that may run on another hart has entered the ready list since that was last found empty.
  alignas(64) SharedWord<bool> may_have_jobs_for_others_ = false;
  // The list was not empty when the first such job entered it. So one step of a search may not
  // reach that job. Only this hart accesses the word.
  bool hides_job_for_others_ = false;
  Local& local_ = platform::local();
  unsigned hart_;
  alignas(64) JobPool jobs_;
  Instant alarm_ = never;  // the time of the next alarm; never: no alarm is set
  Node alarm_node_{Kind::alarm, 0};
  // A word, because riscv64 has no atomic exchange of bytes.
  platform::Atomic<std::uint32_t> alarm_pending_ = 0;

  Node reprioritize_node_{Kind::reprioritize, 0};
  Node change_node_{Kind::change, 0};
  bool change_pending_ = false;  // change_node_ is in the inbox. Strand data, like coming_policy_
  Policy* coming_policy_ = nullptr;
  // A search for ready jobs that idle harts may run. Only this hart accesses it.
  Node offer_node_{Kind::offer, 0};
  bool offer_pending_ = false;  // offer_node_ is in the inbox
  bool offering_ = false;       // a search is under way
  bool offer_again_ = false;    // restart the search when it ends
  Node request_{Kind::steal_request, 0,
                hart_};  // the steal request of this hart; passed from hart to hart
  enum Asking : std::uint8_t { not_asking, asking, ask_again };
  platform::Atomic<std::uint8_t> asking_ = not_asking;
  platform::Atomic<std::uint64_t> migrations_ = 0;
  SharedWord<std::uint32_t> drains_ = 0;  // of the inbox; counted in worlds that inject faults
  TimerWheel timers_;

  static std::array<platform::Atomic<Executor*>, platform::max_harts> by_hart_;
  static std::atomic<unsigned> end_;
  // Harts change it all the time, so it has a cache line of its own.
  struct alignas(64) Idle {
    AtomicHartMask harts;
  };
  static Idle idle_;
  // Written in the strand, read in any context.
  static SharedWord<bool> policies_in_use_;   // some hart has a policy
  static SharedWord<bool> deadlines_in_use_;  // some hart's policy uses deadlines
  // No hart has a policy, but jobs have attributes, for the first policy.
  static SharedWord<bool> attributes_in_use_;
};

inline Executor& current_executor() noexcept {
  return *platform::local().executor;
}

/// In worlds with parallel jobs: fails on a thread that has no executor. Other worlds have no such
/// threads.
inline void require_executor() noexcept {
  if (platform::parallel_jobs && platform::local().executor == nullptr) [[unlikely]]
    platform::fail("a thread outside the pool uses jobs or objects: use HostPool::start()");
}

}  // namespace async

#include "async/executor_fast.h"  // IWYU pragma: export
