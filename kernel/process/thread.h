// A thread of a user program. One coroutine (run_thread() in life.cpp) runs its program and serves
// its traps. The state between two traps is in this object or in the coroutine's frame: there is no
// kernel stack per thread.
//
// The strand owns a Thread, except where a member says "any context".
#pragma once

#include <abi/signal.h>
#include <abi/types.h>
#include <async/async.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <trap/path.h>

#include <atomic>
#include <memory>

#include "process/id_table.h"
#include "process/process.h"
#include "process/schedule.h"
#include "process/time_share.h"

namespace kernel {

class Ring;

class Thread : public RefCounted<Thread>, public IdTableEntry<Thread>, public ListNode<> {
 public:
  Thread(int id, Ref<Process> process, const trap::UserContext& context, Schedule schedule);

  /// Spawns the coroutine of a new thread. Call once.
  static void start(Ref<Thread> thread);

  int id() const { return id_; }
  Process& process() { return *process_; }
  memory::AddressSpace& space() { return process_->space(); }
  /// The job of the thread's coroutine; null before start() and after the end.
  async::Job* job() const { return job_; }
  trap::UserContext& context() { return context_.get(); }
  /// The context with the current floating-point registers, which the hart may hold.
  const trap::UserContext& current_context();
  /// Starts another program (execve).
  void start_program(const trap::UserContext& start);
  /// Gives the thread the process's number, which its first thread had (execve).
  void take_first_id();

  // ── Ending ──

  /// Ends the thread: cancels its wait, and it does not return to its program.
  void end();
  bool is_ending() const { return (pending_flags_.load(std::memory_order_relaxed) & ends) != 0; }

  // ── Pending flags: handled before the thread returns to its program ──

  /// Whether the thread must end, deliver events, or pass attributes to the scheduling policy.
  bool has_pending_flags() const { return pending_flags_.load(std::memory_order_relaxed) != 0; }
  /// Posts events for the program (rings/upcalls.h): wakes the thread if it waits for its ring, and
  /// interrupts its hart if it runs. The thread has a ring. Any context.
  void post_events();
  bool consume_events() { return take(has_events); }
  /// Ends the thread's wait for its ring, or lets its next wait return at once. The thread has a
  /// ring. Any context.
  void wake() { async::Executor::unpark(*job_); }

  /// The event that the parent waits for in vfork, until this thread stops using the parent's
  /// memory.
  void set_vfork_waiter(async::Event* waiter) { vfork_waiter_ = waiter; }
  /// Wakes the parent in vfork: this thread executes another program or ends.
  void release_vfork_waiter();

  // ── Signals ──

  abi::SignalSet signal_mask() const { return signal_mask_; }
  void set_signal_mask(abi::SignalSet mask);
  /// Sends a signal to this thread alone (tgkill).
  void post_signal(abi::Signal signal);
  /// For a fault of this thread: the program cannot block or ignore the signal.
  void die_of(abi::Signal signal) { process_->terminate(abi::WaitStatus::killed(signal)); }

  // ── Scheduling ──

  const Schedule& schedule() const { return schedule_; }
  void set_schedule(const Schedule& schedule);
  /// Sets the deadline and the weight of the thread's present work, for scheduling policies. If
  /// `weight` is 0, the weight is that of the thread's schedule.
  void hint_work(async::Instant due, std::uint32_t weight);
  /// Called when the scheduling policy changes: the thread passes its attributes to the new policy
  /// before it runs its program again.
  void note_new_policy() { pending_flags_.fetch_or(has_attributes); }
  /// The thread's present level in the executor. It depends on the schedule, and on whether the
  /// thread is CPU-bound, demoted or ending.
  std::uint8_t level() const { return level_; }
  /// The level of its schedule. Jobs that work for the thread run at it even if the thread is
  /// demoted.
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

  /// The user address of the thread's abi::SharedPriority (shared_priority.h); 0: it has none.
  std::uintptr_t shared_priority() const { return shared_priority_; }
  void share_priority(std::uintptr_t address);
  /// Sets the thread's level to `levels` below that of its schedule, as its SharedPriority says.
  void demote_by(std::uint8_t levels);

  /// The harts on which the thread may run; not empty.
  async::HartMask harts() const { return harts_; }
  void set_harts(async::HartMask harts);
  /// Whether the thread may run on the hart where it ran last.
  bool may_stay() const { return (harts_ >> hart & 1) != 0; }

  /// Whether the thread's job is ready or running, and not waiting.
  bool is_ready() const;

  // ── Its ring (rings/ring.h) ──

  /// Null if the thread has no ring.
  Ring* ring() const { return ring_.get(); }
  void set_ring(std::unique_ptr<Ring> ring);
  /// Whether the current job is the thread's own coroutine, not one that works for its ring.
  bool is_current_job() const { return job_ == &async::current_job(); }

  // ── Accounting: times in ticks of hal::clock_ticks() ──

  std::uint64_t syscalls = 0;
  std::uint64_t syscalls_counted = 0;  ///< system calls that a hart has counted (running.h)
  unsigned hart = 0;                   ///< the hart where the thread ran its program last
  unsigned urgent_waiters = 0;         ///< real-time and deadline threads that wait for its locks
  bool is_throttled = false;           ///< the thread waits for its reservation's next period
  std::uint64_t stopped_running = 0;   ///< time of the last charge() for the thread
  std::uint64_t cpu_ticks = 0;         ///< CPU time up to the last charge()
  TimeShare share;                     ///< the thread's share of the hart's time
  async::Duration cpu_time() const;    ///< CPU time up to now

  // ── Registered by the C library ──

  std::uintptr_t clear_child_tid = 0;  ///< address of a futex: set to 0 and woken at the end
  std::uintptr_t robust_list = 0;      ///< user address of the list of robust mutexes

 private:
  friend RefCounted<Thread>;
  ~Thread();  // called when the last Ref is dropped

  void update_level();
  /// Passes the thread's attributes to the scheduling policy of its hart, if there is one. A thread
  /// of another hart does so itself before it returns to its program.
  void update_policy();
  /// If the thread runs on another hart, interrupts that hart, so that the thread sees its pending
  /// flags.
  void notice();

  friend async::Task<> run_thread(Ref<Thread> thread);

  int id_;
  Ref<Process> process_;
  trap::ContextHolder context_;
  Schedule schedule_;
  async::Instant work_due_ = async::never;
  std::uint32_t work_weight_ = 0;
  bool cpu_bound_ = false;
  std::uint8_t demotion_ = 0;
  std::uint8_t preempt_threshold_ = 0;
  std::int8_t yield_threshold_ = 0;
  std::uint8_t level_ = 0;
  abi::SignalSet signal_mask_ = 0;
  abi::SignalSet pending_ = 0;
  enum PendingFlag : std::uint8_t { ends = 1, has_events = 2, has_attributes = 4 };
  bool take(PendingFlag what) { return (pending_flags_.fetch_and(~what) & what) != 0; }
  std::atomic<std::uint8_t> pending_flags_ = 0;
  async::HartMask harts_ = async::all_harts;
  std::uintptr_t shared_priority_ = 0;
  async::Event* vfork_waiter_ = nullptr;
  async::Job* job_ = nullptr;  // of the coroutine; null before its start and after its end
  std::unique_ptr<Ring> ring_;

  friend class Process;
};

IdTable<Thread>& threads();

}  // namespace kernel
