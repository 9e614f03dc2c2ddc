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
#include <trap/waiting_call.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "process/id_table.h"
#include "process/pending_signals.h"
#include "process/process.h"
#include "process/syscall_counts.h"
#include "process/thread_ring.h"
#include "process/tracing.h"
#include "sched/runnable.h"
#include "sched/running.h"

namespace kernel {

// Runnable comes first: running_thread() then needs no addition.
class Thread : public Runnable,
               public trap::SyscallCaller,
               public RefCounted<Thread>,
               public ListNode<> {
 public:
  Thread(int id, Ref<Process> process, const trap::UserContext& context, Schedule schedule);

  /// The end of a thread without owners: destroys it. If the caller shares the strand, it retires
  /// the thread (async/retired.h).
  static void destroy(const Thread* thread);

  /// Spawns the coroutine of a new thread. From now on the thread is in threads(), and its process
  /// in processes(). Call once. In the strand, or while the caller shares it: then the first step
  /// of the thread shares it, too.
  static void start(Ref<Thread> thread);

  // The thread itself may call the first two outside the strand.
  int id() const { return id_; }
  Process& process() { return *process_; }
  /// Whether no other thread and no other process uses the thread's memory, so that a hart that
  /// shares the strand may change it. The thread itself calls it, in the strand or sharing it.
  bool owns_space() { return process_->has_one_thread() && space().owners() == 1; }

  /// Starts another program (execve).
  void start_program(trap::UserContext& start);
  /// Gives the thread the process's number, which its first thread had (execve).
  void take_first_id();
  /// Records in the trace that the running job runs this thread.
  void note_in_trace();

  /// Posts events for the program (rings/upcalls.h): wakes the thread if it waits for its ring, and
  /// interrupts its hart if it runs. The thread has a ring. Any context.
  void post_events();
  bool consume_events() { return take(has_events); }
  /// Ends the thread's wait for its ring, or lets its next wait return at once. The thread has a
  /// ring. Any context.
  void wake() { async::Executor::unpark(*job()); }

  /// The event that the parent waits for in vfork, until this thread stops using the parent's
  /// memory.
  void set_vfork_waiter(async::Event* waiter) {
    async::Strand::check_access();
    vfork_waiter_ = waiter;
  }
  /// Wakes the parent in vfork: this thread executes another program or ends.
  void release_vfork_waiter();
  bool has_vfork_waiter() const { return vfork_waiter_ != nullptr; }

  static constexpr std::size_t name_bytes = 16;  ///< with the zero, as on Linux
  /// Its own name, which set_name() has set, or else the beginning of the process's name. In the
  /// strand.
  std::string_view name() const;
  /// `name`: less than name_bytes bytes. ENOMEM.
  Result<> set_name(std::string_view name);

  // ── Signals (signal_delivery.h) ──

  abi::SignalSet signal_mask() const { return signal_mask_; }
  /// In the strand if a signal is pending.
  void set_signal_mask(abi::SignalSet mask) {
    signal_mask_ = mask & ~unblockable;
    if (has_pending_signals()) [[unlikely]]
      take_unblocked_signals();
  }
  /// Sets a mask for one call that waits. If a signal interrupts the call, the end of the handler
  /// restores the mask of before. Otherwise the call does, by end_temporary_mask(). If the call is
  /// made again, the mask of before is that of the first time. ENOMEM.
  Result<> set_temporary_mask(abi::SignalSet mask);
  void end_temporary_mask();
  /// For a new thread: it blocks the signals that `creator` blocks. So it can take no signal that
  /// is pending for the process.
  void inherit_signal_mask(const Thread& creator) { signal_mask_ = creator.signal_mask_; }
  /// Whether a signal waits for this thread or for its process.
  bool has_pending_signals() const { return !pending_.empty() || process_->has_pending_signals(); }
  /// The signals that wait for this thread or for its process (rt_sigpending).
  abi::SignalSet pending_signals() const { return pending_.set() | process_->pending_signals(); }
  /// The signals that wait for this thread alone.
  const PendingSignals& queue() const { return pending_; }
  /// Sends a signal to this thread alone (tgkill). Returns whether take_signal() will return
  /// `info`.
  bool post_signal(const abi::SignalInfo& info);
  void lose_info(abi::Signal signal) { pending_.lose_info(signal); }
  /// Forgets those of `signals` that are pending for this thread.
  void discard_pending(abi::SignalSet signals) { pending_.discard(signals); }
  /// Takes a pending signal that is a member of `wanted`: of this thread, or else of its process.
  /// Returns false if there is none.
  bool take_signal(abi::SignalSet wanted, abi::SignalInfo& taken);
  /// Whether the thread may take a signal of the set `bit`: it does not block it, or it awaits it.
  bool may_take(abi::SignalSet bit) const { return (signal_mask_ & bit) == 0 || awaits(bit); }
  bool awaits(abi::SignalSet bit) const {
    return rare_settings_ && (rare_settings_->awaited & bit) != 0;
  }
  /// Whether request_signals() has been called since the thread has taken its signals.
  bool takes_signals_soon() const { return has(has_signals); }
  /// Lets the thread take its signals before it runs its program again. If it waits in a call that
  /// signals interrupt, ends the wait.
  void request_signals();
  /// Whether the thread must await_release(): its process is stopped, the hart throttles it
  /// (real_time_limit.h), or jobs that follow it must run first (HartFollower::is_behind()).
  bool is_held() const;
  /// Whether its tracer, or a stop of its process, has stopped the thread.
  bool is_stopped() const {
    return stops_with_process() || (tracee() != nullptr && tracee()->is_stopped());
  }
  /// Waits until the reason of is_held() is over, or until the thread must end. Signals do not
  /// interrupt this wait. The thread itself calls it.
  async::Task<> await_release();
  /// Whether the thread waits because its process was stopped.
  bool waits_for_resume() const { return hold_ == Hold::stopped; }

  // ── Tracing (tracing.h), in the strand ──

  /// Null: no process traces the thread.
  Tracee* tracee() const { return rare_settings_ ? rare_settings_->tracee : nullptr; }
  /// A tracee needs make_rare_settings() before.
  void set_tracee(Tracee* tracee) {
    if (rare_settings_) rare_settings_->tracee = tracee;
  }
  /// Lets the thread call Tracee::begin_pending_stop() before it runs its program again.
  void request_trace_stop() {
    set(must_stop_for_tracer);
    if (job() != nullptr) notice();
  }
  /// Whether the thread has stopped, and its tracer may look at it.
  bool waits_for_tracer() const { return hold_ == Hold::traced; }
  /// Reports the stop of tracee() to the tracer, and waits until it lets the thread run again, or
  /// until the thread must end. The thread itself calls it, in the strand.
  async::Task<> await_tracer();
  /// Called when the process, which a signal has stopped, runs again.
  void resume();
  /// Called before a call waits, by the thread itself: refuses the wait if a signal interrupts it.
  void refuse_wait_for_signals() {
    if (has(has_signals) && is_in_interruptible_call()) interrupt_wait();
  }

  /// While the object exists, a signal cuts no wait of the thread's call short. The call's next
  /// wait after it is refused. The end of the thread cuts waits short all the same. Has no effect
  /// in a job that works for the thread's ring. For page-ins (page_in.h). In the strand.
  class [[nodiscard]] WithoutInterruption {
   public:
    explicit WithoutInterruption(Thread& self);
    WithoutInterruption(const WithoutInterruption&) = delete;
    ~WithoutInterruption();

   private:
    Thread* const self_;  // null: no effect
  };

  /// Whether the running job must end the thread's call with what the call has done: the thread
  /// ends, or its ring has cancelled the request. A signal only refuses the next wait.
  bool must_end_call() const { return async::is_cancelled() && (is_ending() || !is_current_job()); }

  /// Lets the thread's job wait again. The thread itself calls it, before it takes signals.
  void end_interruption();
  /// If signals have ended the thread's call with EINTR, and it was not decided yet whether the
  /// call is made again, returns what the result register had before. With it the call can be made
  /// again.
  std::optional<std::uint64_t> take_interrupted_call();
  /// Whether take_interrupted_call() would return a value.
  bool has_interrupted_call() const { return interruption_ == Interruption::call; }
  /// Lets the present call, which must return EINTR now, be made again after the signals that the
  /// thread has got. The thread itself calls it.
  void interrupt_call();

  /// Settings of the thread that few programs use.
  struct RareSettings {
    abi::SignalStack stack{.flags = abi::ss_disable};
    std::optional<abi::SignalSet> mask_before;         ///< the mask behind set_temporary_mask()
    abi::SignalSet awaited = 0;                        ///< what rt_sigtimedwait waits for
    std::optional<async::Instant> deadline;            ///< see keep_deadline()
    std::uint64_t call_of_deadline = 0;                ///< its number
    std::optional<std::array<char, name_bytes>> name;  ///< with a zero at its end
    std::uint16_t io_priority = 0;                     ///< of ioprio_set
    Tracee* tracee = nullptr;                          ///< its tracer owns it
  };
  /// Null: all have the values above.
  RareSettings* rare_settings() const { return rare_settings_.get(); }
  /// Makes rare_settings(). ENOMEM.
  Result<> make_rare_settings();
  /// A signal interrupts the call, which waits until `deadline`. If the call is made again, it
  /// waits until the same time, also if the program has given a length. Without memory it waits for
  /// the whole length again. In the strand. Called by a wait in a coroutine, when it ends, and for
  /// all others (trap::WaitingCall::deadline).
  void keep_deadline(async::Instant deadline) {
    if (deadline == async::never || !make_rare_settings()) return;
    rare_settings_->deadline = deadline;
    rare_settings_->call_of_deadline = context().syscall_number();
  }
  /// The deadline of a call that waits for a length of time. If the call is made again, it is the
  /// first deadline, otherwise `given`.
  async::Instant deadline_of_call(async::Instant given) {
    if (!rare_settings_ || !rare_settings_->deadline) [[likely]]
      return given;
    const bool is_same = rare_settings_->call_of_deadline == context().syscall_number();
    return is_same ? *rare_settings_->deadline : given;
  }
  /// Called when the call that is made again begins to wait, or answers.
  void forget_deadline() {
    if (rare_settings_) rare_settings_->deadline.reset();
  }
  /// For a new thread: it has the name and the I/O priority of its creator. `with_stack`: also the
  /// stack for handlers, because the child has its own copy of that stack, or its creator sleeps
  /// until the child no longer uses it (vfork).
  void inherit_rare_settings(const Thread& creator, bool with_stack) {
    if (!creator.rare_settings_) return;
    rare_settings_ = std::make_unique<RareSettings>();
    rare_settings_->name = creator.rare_settings_->name;
    rare_settings_->io_priority = creator.rare_settings_->io_priority;
    if (with_stack) rare_settings_->stack = creator.rare_settings_->stack;
  }
  /// For execve: all but the I/O priority and the tracee.
  void reset_rare_settings() {
    if (!rare_settings_) return;
    const auto io_priority = rare_settings_->io_priority;
    if (Tracee* const traced = tracee(); io_priority != 0 || traced != nullptr) {
      *rare_settings_ = {.io_priority = io_priority, .tracee = traced};
    } else {
      rare_settings_.reset();
    }
  }
  /// For a fault of this thread: the program cannot block or ignore the signal.
  void die_of(abi::Signal signal) { process_->terminate(abi::WaitStatus::killed(signal)); }

  // ── Its ring ──

  /// Null if the thread has no ring.
  ThreadRing* ring() const { return ring_.get(); }
  void set_ring(std::unique_ptr<ThreadRing> ring) {
    async::Strand::check_access();
    ring_ = std::move(ring);
  }
  /// Closes the ring, which the thread must have: cancels its requests and frees it.
  async::Task<> close_ring();
  /// Takes what the thread submits to io_uring as its `follower`. The thread had none.
  void set_uring_requests(std::unique_ptr<ThreadRequests> requests);
  /// Whether close_rings() has something to do.
  bool has_rings() const {
    return ring_ != nullptr ||
           (follower != nullptr && !static_cast<ThreadRequests*>(follower)->is_idle());
  }
  /// Closes the ring, and ends the requests in io_uring.
  async::Task<> close_rings();
  /// Whether the current job is the thread's own coroutine, not one that works for its ring.
  bool is_current_job() const { return job() == &async::current_job(); }

  // ── Its system calls, while they are counted (dispatch/counted_calls.cpp) ──

  /// Null: none has been counted, or there was no memory.
  SyscallCounts* syscall_counts() const { return syscall_counts_; }
  /// Makes syscall_counts() if the memory allows it. The thread itself calls it, in the strand or
  /// outside it.
  [[gnu::cold, gnu::noinline]] void make_syscall_counts();
  /// The present call waits, and counts when the thread returns to its program or ends.
  void begin_counted_call(const CountedCall& call) {
    syscall_counts_->set_present(call);
    set(has_counted_call);
  }
  bool has_counted_call_that_waits() const { return has(has_counted_call); }
  void end_counted_call() {
    if (take(has_counted_call)) syscall_counts_->add_present();
  }
  /// Passes the counts to the process if the memory allows it. A call that still waits ends now:
  /// the thread was killed. In the strand.
  [[gnu::cold, gnu::noinline]] void end_counts();

  /// Does what the pending flags ask for, except ending the thread. The thread itself calls it, in
  /// the strand.
  [[gnu::cold, gnu::noinline]] void handle_pending_flags();

  // ── Registered by the C library ──

  std::uintptr_t clear_child_tid = 0;  ///< address of a futex: set to 0 and woken at the end
  std::uintptr_t robust_list = 0;      ///< user address of the list of robust mutexes

 private:
  friend RefCounted<Thread>;
  friend async::Retired;
  ~Thread();  // called when the last Ref is dropped

  friend async::Task<> run_thread(Ref<Thread> thread);

  bool is_in_interruptible_call();
  bool take_any_signal(abi::SignalSet wanted, abi::SignalInfo& taken);
  void note_taken(abi::SignalInfo& taken);
  void handle_any_flags();
  void interrupt_wait();
  void end_wait_for_signals();
  /// Lets the thread take the pending signals that its new mask does not block, or ends the
  /// process.
  void take_unblocked_signals();
  bool stops_with_process() const {
    return process_->is_stopped() && (tracee() == nullptr || !tracee()->runs_in_stop());
  }
  async::Task<> await_resume();
  async::Task<> rest();
  async::Task<> await_follower();

  int id_;
  // `wait`: its job is cancelled, except in a WithoutInterruption, until the thread has taken its
  // signals. `call`: its call has ended with
  // EINTR, and may be made again.
  enum class Interruption : std::uint8_t { none, wait, call } interruption_ = Interruption::none;
  bool is_uninterrupted_ = false;  // a WithoutInterruption exists
  enum class Hold : std::uint8_t { none, stopped, throttled, traced } hold_ = Hold::none;
  Ref<Process> process_;
  // While others share the strand, a child that ends reads the masks of its parent's threads.
  async::SharedWord<abi::SignalSet> signal_mask_ = 0;
  PendingSignals pending_;
  std::uint64_t overwritten_ = 0;  // by the result of the interrupted call
  std::unique_ptr<RareSettings> rare_settings_;
  async::Event* vfork_waiter_ = nullptr;
  std::unique_ptr<ThreadRing> ring_;
  SyscallCounts* syscall_counts_ = nullptr;  // owned until end_counts()

  friend class Process;
};

extern constinit IdTable<Thread> thread_table;  // for threads()
inline IdTable<Thread>& threads() {
  return thread_table;
}

/// The thread whose state this hart holds. The caller knows that there is one.
inline Thread& running_thread() {
  return static_cast<Thread&>(running());
}

}  // namespace kernel
