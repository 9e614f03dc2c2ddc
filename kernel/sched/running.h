// The user thread that each hart runs: switching a hart to another thread, charging threads for the
// time they use, and ending time slices.
//
// A time slice ends at a timer tick. The timer ticks only while ready jobs limit the time slice
// (Runnable::preempt_threshold): no tick interrupts a thread without such rivals. A scheduling
// policy with time slices of its own (Policy::until_tick) decides how long they are.
//
// All functions run in the strand, except timeslice_tick_is_pending() and note_timeslice_tick().
// charge(), prepare_to_run(), save_hart_state() and on_wakeup() may share it, and
// leave_current_thread(), too, if the hart owns no reference to its space.
// Times are in ticks of hal::clock_ticks(), which one instruction reads.
#pragma once

#include <async/async.h>
#include <hal/counter.h>
#include <hal/hart.h>
#include <hal/machine/per_hart.h>
#include <hal/timer.h>
#include <kernel/ref.h>
#include <trap/fpu.h>
#include <trap/path.h>

#include <algorithm>
#include <atomic>

#include "devices/hart_timer.h"
#include "memory/address_space.h"
#include "sched/runnable.h"
#include "sched/time_share.h"

namespace kernel {

/// The user thread whose state one hart holds, and the hart's accounts.
struct CurrentThread {
  /// The hart's page table is this thread's, and the floating-point registers hold this thread's
  /// values or are off. The thread may already be waiting. Null: the hart holds no thread's state.
  Runnable* thread = nullptr;
  /// The live address space. Null on a machine with one hart, where it is the space of `thread`. A
  /// process that drops its space gives a reference to each hart on which the space is live.
  memory::AddressSpace* space = nullptr;
  bool owns_space = false;        ///< the hart owns a reference to `space`
  bool limits_real_time = false;  ///< see real_time_limit.h
  std::uint64_t charged = 0;      ///< the time up to which `thread` has been charged
  /// How often the hart has set up a thread: another one, or the same one after idling or execve.
  hal::Counter switches;
  hal::Counter idle_ticks;  ///< total idle time, without the present idle period
  std::atomic<std::uint64_t> idle_since =
      0;                       ///< start of the present idle period; 0: the hart is busy
  std::uint64_t syscalls = 0;  ///< made on this hart by threads that have left it or ended
  Rounds rounds;               ///< shares the hart's time among its ordinary threads
  /// A policy or a reservation may end a time slice before the next tick. The same on all harts.
  bool timeslices_are_exact = false;
};
extern constinit thread_local CurrentThread current asm("cotrap_current_thread");

/// The thread whose state this hart holds. The caller knows that there is one.
inline Runnable& running() {
  return *static_cast<Runnable*>(
      HAL_LOAD_PER_HART_POINTER("cotrap_current_thread", offsetof(CurrentThread, thread)));
}

namespace detail {
extern constinit thread_local std::uint64_t
    tick;  ///< length of a timer tick; the same on all harts
extern constinit thread_local std::uint64_t shortest_slice;  ///< the same on all harts
extern constinit thread_local bool ticked;  ///< a tick came that timeslice_expired() has not seen
void set_limit(const Runnable& thread);
bool save_hart_state(Runnable& thread);
void on_migrate_in(Runnable& thread);
void drop_space();
void renew_share(Runnable& thread);
}  // namespace detail

/// Records whether a policy object is in use. While it is, arm_timeslice() asks the policy before
/// each entry into user mode, even if the timer already runs.
void note_policy(bool in_use);

/// Prepares this hart for user threads. The hart's executor already has its scheduling policy.
void start_scheduling();
/// The state of `hart`, for reading its counters. Null if the hart has not started.
const CurrentThread* current_thread_of(unsigned hart);

/// A process is about to drop `space`: gives a reference to each hart on which the space is live.
/// Otherwise a hart could still use its page table after it was freed. Needed if several harts run.
void keep_for_harts(memory::AddressSpace& space);
/// How many harts own a reference to `space`.
unsigned harts_that_own(const memory::AddressSpace& space);

/// Charges the current thread for the time since the last charge. The thread's credit pays for one
/// tick at most. A longer time means that no such tick came: the thread had no rivals, a scheduling
/// policy sets longer slices, or the host stopped the whole machine, as busy hosts do for tens of
/// milliseconds. An interactive thread must not become CPU-bound for that. Time that no credit pays
/// for prolongs the period of a reservation, so that other threads keep their part.
inline void charge(Runnable* thread = current.thread) {
  const std::uint64_t now = hal::clock_ticks();
  std::uint64_t spent = now - current.charged;
  current.charged = now;
  if (thread == nullptr) return;
  thread->stopped_running = now;
  thread->cpu_ticks += spent;
  if (spent > detail::tick) [[unlikely]] {
    thread->share.period_end += spent - detail::tick;
    spent = detail::tick;
  }
  thread->share.credit -= static_cast<std::int64_t>(spent);
}

/// Switches the hart from `before`, its current thread, to `thread`.
[[gnu::always_inline]] inline void switch_to(Runnable& thread, Runnable* before) {
  charge(before);
  ++current.switches;
  hal::TranslationToken token;
  if (hal::smp_active()) [[unlikely]] {
    if (!async::Strand::is_shared()) {
      if (thread.hart != hal::hart_index()) detail::on_migrate_in(thread);
      if (current.owns_space) detail::drop_space();
      token = thread.space().enter();
    } else {
      token = thread.space().enter_sharing();
    }
    current.space = &thread.space();
  } else {
    token = thread.space().enter();
  }
  current.thread = &thread;
  trap::set_user_space(thread.context(), token);
  trap::fpu::switch_to(thread.context());
}

/// Makes `thread` this hart's current thread. Every return to user mode is preceded by this.
[[gnu::always_inline]] inline void prepare_to_run(Runnable& thread) {
  Runnable* const before = current.thread;
  if (before != &thread) switch_to(thread, before);
}

/// Leaves this hart without a current thread. The caller is about to end a thread, to start another
/// program in it (execve), or to idle.
void leave_current_thread();

/// Saves what this hart holds of `thread`, so that another hart can run it. The thread has just
/// left user mode here and is about to wait. Returns whether the step shares the strand.
inline bool save_hart_state(Runnable& thread) {
  if (hal::smp_active()) [[unlikely]]
    return detail::save_hart_state(thread);
  return false;
}

/// Like save_hart_state(), for a thread that yields and stays on this hart. The hart charges it
/// when it switches to another thread, or in charge_before_leaving() when it sends the job to
/// another hart.
inline void save_registers(Runnable& thread) {
  trap::fpu::release(thread.context());
}

/// Called in a step that shares the strand: whether prepare_to_run() may follow there. It needs the
/// strand if the thread comes from another hart, if the hart owns a reference to the space that it
/// leaves, or if the thread's space needs an ASID or has new instructions (may_enter_sharing()).
inline bool may_prepare_sharing(const Runnable& thread) {
  return thread.hart == hal::hart_index() && !current.owns_space &&
         thread.space().may_enter_sharing();
}

/// Drops all that this hart holds of `thread`, which ran here and ends now.
void release_hart_state(Runnable& thread);

/// Clears the current thread of the hart on which `thread` ran last, if that is still `thread`.
void clear_last_thread(const Runnable& thread);

/// Whether arm_timeslice() has nothing to do.
inline bool timeslice_is_armed() {
  return due(TimerSource::timeslice) != hal::no_deadline && !current.timeslices_are_exact;
}
/// Starts the timer that ends the time slice of `thread`, unless it runs already. Call this when
/// `thread` is about to run and ready jobs may limit its time slice.
inline void arm_timeslice(const Runnable& thread) {
  if (!timeslice_is_armed()) [[unlikely]]
    detail::set_limit(thread);
}

/// Called after an interrupt: whether a tick came and the current thread's time slice is over. If
/// so, the thread must call yield_timeslice().
bool timeslice_expired();

/// Lets the other threads of the level run; the time slice of `thread` is over. A thread without
/// credit waits for its next round, and one without budget for its next period. A kill ends the
/// wait.
async::Task<> yield_timeslice(Runnable& thread);

/// Whether the caller may do the same while it shares the strand: it calls timeslice_expired(), and
/// yields until begins_timeslice(). A thread with a reservation and a scheduling policy need the
/// strand.
bool may_end_timeslice_sharing(const Runnable& thread);
/// Whether `thread`, the first of its level, begins its next time slice now. If not, it must yield
/// again: its credit is not enough before the next round.
bool begins_timeslice(Runnable& thread);

/// Ends the wait of a throttled thread: an urgent thread is about to wait for a lock that it holds.
void end_throttling(const Runnable& holder);
/// Ends the present job of a thread with a reservation (sched_yield): the thread loses the rest of
/// its budget and waits for its next period. Under a policy that serves reservations, it only
/// yields.
async::Task<> end_deadline_job(Runnable& thread);

/// Called after an interrupt: whether a tick came that timeslice_expired() has not seen yet.
inline bool timeslice_tick_is_pending() {
  return detail::ticked;
}

/// Gives `thread`, which has waited, new credit if a new round began during the wait.
inline void on_wakeup(Runnable& thread) {
  if (current.thread == &thread) return;  // no other thread ran during the wait
  if (current.rounds.is_behind(thread.share)) detail::renew_share(thread);
}

/// Sets the credit or budget of `thread` after its schedule has changed from `before`.
void change_share(Runnable& thread, const Schedule& before);
/// Ends the reservation of `thread`, if it has one. The thread is about to be destroyed.
void end_share(const Runnable& thread);

/// Gives the machine's first thread a quantum of credit. Every other thread gets its credit from
/// split_timeslice().
void start_share(Runnable& thread);
/// Gives `child` half of the credit of `parent`, the current thread, so that creating threads gains
/// no time. A child with less than a tick of credit counts as CPU-bound.
void split_timeslice(Runnable& parent, Runnable& child);

/// How long `thread` has been running since its last charge; zero if it does not run.
std::uint64_t running_ticks(const Runnable& thread);

/// Records that the timer of arm_timeslice() has fired. Interrupt context.
void note_timeslice_tick();

}  // namespace kernel
