// A thread of a user program. Its whole life is one coroutine (life.cpp), which runs the program
// and serves its traps; what it has to remember between two traps is here or in that coroutine's
// frame. It has no kernel stack.
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

  /// Puts a new thread's coroutine on the executor. Once.
  static void start(Ref<Thread> thread);

  int id() const { return id_; }
  Process& process() { return *process_; }
  memory::AddressSpace& space() { return process_->space(); }
  /// Of its coroutine; null before and after its life.
  async::Job* job() const { return job_; }
  trap::UserContext& context() { return context_.get(); }
  /// … with the floating-point registers as they are now, which may be in the hart.
  const trap::UserContext& current_context();
  /// Another program from its first instruction on (execve).
  void start_program(const trap::UserContext& start);
  /// The last thread of a process takes the process's own number, which its first thread had.
  void take_first_id();

  // ── Ending ──

  /// From now on the thread ends instead of going back to its program, and what it waits for is
  /// cancelled. Any task.
  void end();
  bool is_ending() const { return (attention_.load(std::memory_order_relaxed) & ends) != 0; }

  // ── What it does before it goes back to its program ──

  /// Something: it ends, or there is news.
  bool needs_attention() const { return attention_.load(std::memory_order_relaxed) != 0; }
  /// There is news for the program (rings/upcalls.h): a thread that waits for its ring, or runs
  /// elsewhere, comes to see to it. Any context; the thread has a ring.
  void tell_news();
  bool take_news() { return take(has_news); }
  /// Ends its wait for its ring, or lets the next one pass. Any context, likewise.
  void wake() { async::Executor::wake_from_isr(*job_); }

  /// Set while somebody waits in vfork for this thread to leave its memory alone.
  void set_vfork_waiter(async::Event* waiter) { vfork_waiter_ = waiter; }
  /// It does so: another program takes over, or the end has come.
  void release_vfork_waiter();

  // ── Signals ──

  abi::SignalSet signal_mask() const { return signal_mask_; }
  void set_signal_mask(abi::SignalSet mask);
  /// Sends a signal to this thread alone (tgkill).
  void post_signal(abi::Signal signal);
  /// A fault of its own: the signal cannot be blocked or ignored.
  void die_of(abi::Signal signal) { process_->terminate(abi::WaitStatus::killed(signal)); }

  // ── Scheduling ──

  const Schedule& schedule() const { return schedule_; }
  void set_schedule(const Schedule& schedule);
  /// What scheduling policies are told of its present work beside that: when it is due, and its
  /// weight, or 0 for its schedule's.
  void hint_work(async::Instant due, std::uint32_t weight);
  /// There is to be another policy, which knows nothing yet: it is told before this thread runs its
  /// program again.
  void note_new_policy() { attention_.fetch_or(has_attributes); }
  /// The executor's level that the schedule means, and how long it has computed lately; that of all
  /// the killed once its end has been decided.
  std::uint8_t level() const { return level_; }
  /// How urgent it may be, whatever it is content with: what the kernel does for it meanwhile is.
  std::uint8_t limit() const { return static_cast<std::uint8_t>(schedule_.level()); }
  /// Down to this level others have a claim on its turn: those who have used up theirs wait a level
  /// below it, and it must not keep them there for ever; or it may be content with any level.
  std::uint8_t turn_level() const { return turn_level_; }
  /// It has used up a turn. A new thread is what its maker is.
  bool is_computing() const { return computing_; }
  void set_computing(bool computing);

  /// Where in its memory it tells how urgent it is (shared_priority.h); 0: nowhere.
  std::uintptr_t shared_priority() const { return shared_priority_; }
  void share_priority(std::uintptr_t address);
  /// It is content to be so many levels less urgent than its schedule says.
  void be_content(std::uint8_t levels);

  /// The harts it may use: a set of those there are, not empty.
  async::HartMask harts() const { return harts_; }
  void set_harts(async::HartMask harts);
  /// Whether it may use the one it runs on.
  bool may_stay() const { return (harts_ >> hart & 1) != 0; }

  /// Running or waiting for its turn, not for an event.
  bool is_ready() const;

  // ── Its ring (rings/ring.h) ──

  /// Null: it has none.
  Ring* ring() const { return ring_.get(); }
  void set_ring(std::unique_ptr<Ring> ring);
  /// Whether the caller is the thread's own coroutine, and not one that works for its ring.
  bool is_current_job() const { return job_ == &async::current_job(); }

  // ── Accounting: times as the clock counts them (hal::clock_ticks) ──

  std::uint64_t syscalls = 0;
  std::uint64_t syscalls_counted = 0;  ///< … of them among a hart's (running.h)
  unsigned hart = 0;                   ///< where its program ran last
  bool is_throttled = false;           ///< it waits for the next period of its reservation
  std::uint64_t stopped_running = 0;   ///< its last charge
  std::uint64_t cpu_ticks = 0;         ///< that it has had, up to its last switch
  TimeShare share;                     ///< what it may still use of its hart's time
  async::Duration cpu_time() const;    ///< up to now

  // ── What the C library registers ──

  std::uintptr_t clear_child_tid = 0;  ///< user address to zero and wake when the thread ends
  std::uintptr_t robust_list = 0;      ///< head of the list of mutexes to give up then

 private:
  friend RefCounted<Thread>;
  ~Thread();  // with its last Ref

  void update_level();
  /// What policies know of it, where one is in use; once it has a job. That of another hart is told
  /// by the thread itself, when it is there.
  void tell_policy();
  /// If it runs on another hart, it leaves its program to see what has changed.
  void notice();

  friend async::Task<> thread_life(Ref<Thread> thread);

  int id_;
  Ref<Process> process_;
  trap::ContextHolder context_;
  Schedule schedule_;
  async::Instant work_due_ = async::never;
  std::uint32_t work_weight_ = 0;
  bool computing_ = false;
  std::uint8_t content_ = 0;
  std::uint8_t turn_level_ = 0;
  std::uint8_t level_ = 0;
  abi::SignalSet signal_mask_ = 0;
  abi::SignalSet pending_ = 0;
  enum Attention : std::uint8_t { ends = 1, has_news = 2, has_attributes = 4 };
  bool take(Attention what) { return (attention_.fetch_and(~what) & what) != 0; }
  std::atomic<std::uint8_t> attention_ = 0;
  async::HartMask harts_ = async::all_harts;
  std::uintptr_t shared_priority_ = 0;
  async::Event* vfork_waiter_ = nullptr;
  async::Job* job_ = nullptr;  // the coroutine's, from start to its end
  std::unique_ptr<Ring> ring_;

  friend class Process;
};

IdTable<Thread>& threads();

}  // namespace kernel
