// What scheduling knows of a user thread: its registers and address space, its schedule and level,
// the harts on which it may run, and its accounts. process/thread.h derives Thread from it.
//
// The strand owns a Runnable, except where a member says "any context".
#pragma once

#include <abi/numbers.h>
#include <async/async.h>
#include <async/leaf_lock.h>
#include <hal/counter.h>
#include <trap/path.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "memory/address_space.h"
#include "sched/schedule.h"
#include "sched/time_share.h"

namespace kernel {

struct WorkCount {
  std::uint64_t ended = 0;
  std::uint64_t missed = 0;  ///< of `ended`: after the deadline
};

/// The numbers of pieces of work with a deadline, by the class that the caller of hint_work passes.
/// Each Runnable counts them, under every policy. Read and write them in the strand.
inline constinit std::array<WorkCount, abi::work_classes> work_counts{};

/// The jobs that follow a thread from hart to hart: its requests to io_uring (rings/uring.h).
class HartFollower {
 public:
  /// Moves the jobs to this hart, on which the thread is about to run after another one. In the
  /// strand.
  virtual void follow() = 0;
  /// Whether one of the jobs is ready and more urgent than the thread. On one hart it would have
  /// run before the thread. In the strand.
  virtual bool is_behind() = 0;

 protected:
  virtual ~HartFollower() = default;
};

class Runnable {
 public:
  Runnable(const trap::UserContext& context, memory::AddressSpace& space, Schedule schedule);
  Runnable(const Runnable&) = delete;

  /// The job of the thread's coroutine; null before its start and after its end.
  async::Job* job() const { return job_; }
  trap::UserContext& context() { return context_.get(); }
  /// The context with the current floating-point registers, which the hart may hold.
  const trap::UserContext& current_context();
  memory::AddressSpace& space() const { return *space_; }
  /// Called when the process executes another program: `space` replaces the address space. No hart
  /// may have this thread as its current thread.
  void set_space(memory::AddressSpace& space) { space_ = &space; }

  // ── Pending flags: handled before the thread returns to its program ──

  /// Ends the thread: cancels its wait, and it does not return to its program.
  void end();
  bool is_ending() const { return (pending_flags_.load(std::memory_order_relaxed) & ends) != 0; }
  /// Lets the thread, which runs on this hart or is about to, wait before it runs its program
  /// again: see real_time_limit.h.
  void throttle() { set(is_throttled_real_time); }

  /// Whether the thread must do something before it returns to its program, for example end,
  /// deliver signals, or pass attributes to the scheduling policy. PendingFlag lists the reasons.
  bool has_pending_flags() const { return pending_flags_.load(std::memory_order_relaxed) != 0; }
  /// Lets the thread, which is about to run its program on this hart, first wait until
  /// follower->is_behind() is false. The caller may have tested the pending flags already. Then the
  /// IPI to this hart makes the thread test them again.
  void wait_for_follower() {
    set(is_ahead);
    async::platform::send_ipi(hart);
  }
  /// Called when the scheduling policy changes: the thread passes its attributes to the new policy
  /// before it runs its program again.
  void note_new_policy() { pending_flags_.fetch_or(has_attributes); }
  /// Passes new attributes to the policy, if there are any. Called by the thread itself.
  void pass_new_attributes();

  // ── Scheduling ──

  /// For the thread itself, and for code in the strand.
  const Schedule& schedule() const { return schedule_; }
  /// The same, also for other threads that share the strand.
  Schedule copy_schedule() const {
    if (async::Strand::is_held()) [[likely]]
      return schedule_;
    return copy_schedule_sharing();
  }
  /// Call it in the strand. The thread itself may call it while it shares the strand, if neither
  /// schedule has a reservation, and if the hart's executor has no events.
  void set_schedule(const Schedule& schedule);
  /// The thread's present piece of work: the arguments of its last hint_work.
  struct Work {
    async::Instant due = async::never;
    std::uint64_t number = 0;     ///< 0: no work
    std::uint32_t weight = 0;     ///< 0: the weight of the thread's schedule
    std::uint8_t work_class = 0;  ///< below abi::work_classes

    bool is_counted() const { return number != 0 && due != async::never; }
  };
  const Work& work() const { return work_; }
  /// Passes the work to the scheduling policy. Ends the present piece of work if the number or the
  /// class is another one. In the strand.
  void hint_work(const Work& work);
  /// Ends the present piece of work, and counts it in work_counts if it has a number and a
  /// deadline. In the strand.
  void end_work();
  /// The thread's present level in the executor. It depends on the schedule, and on whether the
  /// thread is CPU-bound, demoted or ending.
  std::uint8_t level() const { return level_; }
  /// The level of its schedule. Jobs that work for the thread run at it even if the thread is
  /// demoted; requests of its ring wait one level above (Ring::level_of_requests).
  std::uint8_t limit() const { return static_cast<std::uint8_t>(schedule_.level()); }
  /// Ready jobs of this level or a more urgent one limit the time slice of this thread. For an
  /// ordinary thread it is less urgent than level(), so that CPU-bound threads do not starve behind
  /// an interactive one.
  std::uint8_t preempt_threshold() const { return preempt_threshold_; }
  /// sched_yield() lets ready jobs above this level run. Negative: it ends the present job of a
  /// SCHED_DEADLINE thread, whichever jobs are ready.
  int yield_threshold() const { return yield_threshold_; }
  /// Whether the thread has used up a time slice, and no wait since then has brought it new credit.
  /// A new thread inherits this.
  bool is_cpu_bound() const { return cpu_bound_; }
  void set_cpu_bound(bool cpu_bound);

  /// The user address of the thread's abi::SharedPriority (process/shared_priority.cpp); 0: it has
  /// none.
  std::uintptr_t shared_priority() const { return shared_priority_; }
  void share_priority(std::uintptr_t address);
  /// Sets the thread's level to `levels` below that of its schedule, as its SharedPriority says.
  void demote_by(std::uint8_t levels);

  /// The harts on which the thread may run; not empty. Any context.
  async::HartMask harts() const { return harts_; }
  /// Call it in the strand. The thread itself may call it while it shares the strand, if `harts`
  /// are all harts or only the one on which it runs.
  void set_harts(async::HartMask harts);
  /// Whether the thread may run on the hart where it ran last.
  bool may_stay() const { return (harts_ >> hart & 1) != 0; }

  // ── Restartable sequences (restartable.h) ──

  /// The area that the program has registered for the thread. The thread itself uses it, and code
  /// that prepares the thread to run.
  struct Sequences {
    std::uintptr_t area = 0;      ///< user address; 0: none
    std::uint32_t signature = 0;  ///< stands in front of each place where a sequence restarts
    std::uint16_t bytes = 0;      ///< length of the area
    std::uint8_t hart = 0;        ///< the hart that the area names
  };
  bool has_sequences() const { return sequence_area_ != 0; }
  /// Whether the thread has a SharedPriority or sequences: one check for both.
  bool has_shared_words() const { return has_shared_words_; }
  /// Called by the thread itself: another thread may have run since it left its program. A program
  /// makes no system call in a sequence.
  void note_preemption() {
    if (has_sequences() && !context().was_left_by_call()) [[unlikely]]
      set(was_preempted);
  }
  /// Another thread calls it. If this thread is in a restartable sequence, the sequence begins
  /// again before the thread runs its program again. In the strand.
  void restart_sequence_soon() {
    if (!has_sequences() || job_ == nullptr) return;
    set(was_preempted);
    notice();
  }
  Sequences sequences() const {
    return {sequence_area_, sequence_signature_, sequence_bytes_, sequence_hart_};
  }
  void set_sequences(const Sequences& sequences) {
    sequence_area_ = sequences.area;
    sequence_signature_ = sequences.signature;
    sequence_bytes_ = sequences.bytes;
    sequence_hart_ = sequences.hart;
    has_shared_words_ = has_sequences() || shared_priority_ != 0;
  }

  /// Whether the thread's job is ready or running, and not waiting.
  bool is_ready() const;

  // ── Accounting: times in ticks of hal::clock_ticks() ──

  hal::Counter syscalls;               ///< counted outside the strand, too
  std::uint64_t syscalls_counted = 0;  ///< how many of them CurrentThread::syscalls has
  std::uint8_t hart = 0;               ///< the hart where the thread ran its program last
  bool is_throttled = false;           ///< the thread waits for its reservation's next period

 private:
  std::uint16_t sequence_bytes_ = 0;  // here, because this place would be padding

 public:
  unsigned urgent_waiters = 0;        ///< real-time and deadline threads that wait for its locks
  HartFollower* follower = nullptr;   ///< null: no job follows the thread
  std::uint64_t stopped_running = 0;  ///< time of the last charge() for the thread
  std::uint64_t cpu_ticks = 0;        ///< CPU time up to the last charge()
  TimeShare share;                    ///< the thread's share of the hart's time
  async::Duration cpu_time() const;   ///< CPU time up to now

 protected:
  ~Runnable();

  enum PendingFlag : std::uint16_t {
    ends = 1,
    has_events = 2,
    has_attributes = 4,
    has_counted_call = 8,
    has_signals = 16,
    is_throttled_real_time = 32,
    was_preempted = 64,
    is_ahead = 128,  // follower->is_behind() was true
    must_stop_for_tracer = 256,
  };
  bool has(PendingFlag flag) const {
    return (pending_flags_.load(std::memory_order_relaxed) & flag) != 0;
  }
  /// Whether the flag is set, and no other.
  bool has_only(PendingFlag flag) const {
    return pending_flags_.load(std::memory_order_relaxed) == flag;
  }
  /// Sets the flag. notice() must follow. Any context.
  void set(PendingFlag flag) { pending_flags_.fetch_or(flag); }
  /// Clears the flag; returns whether it was set.
  bool take(PendingFlag flag) { return has(flag) && (pending_flags_.fetch_and(~flag) & flag) != 0; }

  /// If the thread runs on another hart, interrupts that hart, so that the thread sees its pending
  /// flags. Any context.
  void notice();

  /// Sets the job of the thread's coroutine, which has just been spawned; null at its end.
  void set_job(async::Job* job);
  /// Call it when the thread starts another program: no hart may take this thread for its current
  /// one. So prepare_to_run() switches to the new address space, here and on the hart where the
  /// thread ran last.
  void leave_all_harts();

 private:
  Schedule copy_schedule_sharing() const;
  /// The thread has become real-time (real_time_limit.h).
  [[gnu::noinline]] void begin_real_time();
  void update_level();
  /// Passes the thread's attributes to the scheduling policy of its hart, if there is one. A thread
  /// of another hart does so itself before it returns to its program.
  void update_policy();

  trap::ContextHolder context_;
  memory::AddressSpace* space_;
  async::Job* job_ = nullptr;
  Schedule schedule_;
  [[no_unique_address]] Work work_;  // the next two are in its last bytes
  bool cpu_bound_ = false;
  std::uint8_t demotion_ = 0;
  mutable async::LeafLock schedule_lock_;  // protects schedule_
  // A step in the strand or the thread itself writes these words. The thread's hart reads them
  // outside the strand. Each is enough for the decision that reads it.
  async::SharedWord<std::uint8_t> preempt_threshold_ = 0;
  async::SharedWord<std::int8_t> yield_threshold_ = 0;
  async::SharedWord<std::uint8_t> level_ = 0;
  std::atomic<std::uint16_t> pending_flags_ = 0;
  bool has_shared_words_ = false;
  std::uint8_t sequence_hart_ = 0;
  std::uint32_t sequence_signature_ = 0;
  async::SharedWord<async::HartMask> harts_ = async::all_harts;
  std::uintptr_t shared_priority_ = 0;
  std::uintptr_t sequence_area_ = 0;
};

}  // namespace kernel
