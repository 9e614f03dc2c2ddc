// Which user thread a hart runs: what has to happen when it is another one than last time, the time
// it is charged, and when its turn is over.
//
// Turns end by a tick, and there are ticks only while somebody equally urgent waits: a thread alone
// on its level is never interrupted. Where there is a scheduling policy that has turns, how long
// they are is its to say.
//
// All in the strand, except turn_has_ticked and turn_ticked. Times are as the clock counts them
// (hal::clock_ticks), which costs one instruction to ask.
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

#include "harts/hart_timer.h"
#include "memory/address_space.h"
#include "process/thread.h"
#include "process/time_share.h"

namespace kernel {

/// What a hart is set up for.
struct Turn {
  /// The user thread: its address space is live, its floating-point registers are its own or off.
  /// It may be waiting, with the hart about to run another. Null: nobody.
  Thread* thread = nullptr;
  memory::AddressSpace* space = nullptr;  ///< the one that is live, and owned; only said in company
  std::uint64_t charged = 0;              ///< the thread has paid for all time up to here
  hal::Counter switches;                  ///< how often it was set up for another thread
  hal::Counter idle_ticks;                ///< time with nothing to do, up to the last, by the clock
  std::atomic<std::uint64_t> idle_since = 0;  ///< … since when there is nothing now; 0: there is
  std::uint64_t syscalls = 0;  ///< made here by threads that have gone on elsewhere, or ended
  Rounds rounds;               ///< of the ordinary threads that are ready here
};
extern constinit thread_local Turn turn asm("cotrap_turn");

/// The thread that the hart is set up for. Only while there is one.
inline Thread& running_thread() {
  return *static_cast<Thread*>(HAL_LOAD_PER_HART_POINTER("cotrap_turn", offsetof(Turn, thread)));
}

namespace detail {
/// A policy or a reservation may end a turn before the next tick.
extern constinit bool turns_are_exact;
extern constinit thread_local std::uint64_t tick;  ///< from one to the next, the same everywhere
extern constinit thread_local std::uint64_t shortest_slice;  ///< likewise
void set_limit(const Thread& thread);
void note_arrival(Thread& thread);
void renew_share(Thread& thread);
}  // namespace detail

/// A policy that may end turns comes into use, or the last one goes.
void note_policy(bool in_use);

/// Before any thread runs on this hart; its executor has its policy.
void start_turns();
/// That of `hart`, for its counters; null if it has not started.
const Turn* turn_of(unsigned hart);

/// How many harts own a share in `space` because they are set up for it.
unsigned harts_set_up_for(const memory::AddressSpace& space);

/// The time since the last charge was the running thread's. Of its turn it has used a tick at most:
/// whatever is beyond, the tick that came late or the wake that nobody heard, was not its doing. A
/// host that is busy stops a machine for tens of milliseconds, and a shell is no hog because of it.
inline void charge() {
  const std::uint64_t now = hal::clock_ticks();
  const std::uint64_t spent = now - turn.charged;
  turn.charged = now;
  Thread* const thread = turn.thread;
  if (thread == nullptr) return;
  thread->stopped_running = now;
  thread->cpu_ticks += spent;
  thread->share.credit -= static_cast<std::int64_t>(std::min(spent, detail::tick));
}

/// Sets the hart up for `thread`, which is not the running one.
[[gnu::always_inline]] inline void switch_to(Thread& thread) {
  charge();
  ++turn.switches;
  if (hal::in_company()) [[unlikely]]
    detail::note_arrival(thread);
  turn.thread = &thread;
  trap::set_user_space(thread.context(), thread.space().enter());
  trap::fpu::switch_to(thread.context());
}

/// Before `thread` runs on this hart.
[[gnu::always_inline]] inline void prepare_to_run(Thread& thread) {
  if (turn.thread != &thread) switch_to(thread);
}

/// No user thread is this hart's any more: before a thread ends, and before the hart idles.
void run_nobody();

/// What another hart needs of `thread` is put where it finds it.
void hand_over(Thread& thread);

/// `thread` has just left user mode on this hart and is about to wait: it may go on on another one.
inline void let_go(Thread& thread) {
  if (hal::in_company()) [[unlikely]]
    hand_over(thread);
}

/// The end of `thread`, which ran here: no hart has anything of it from here on.
void leave_for_ever(Thread& thread);

/// What the hart on which `thread` ran last is set up for is not for it any more.
void forget(const Thread& thread);

/// Sees to it that `thread`, which is about to run, has only its time slice: somebody equally
/// urgent waits.
inline void limit_turn(const Thread& thread) {
  if (due(Due::turn) == hal::no_deadline || detail::turns_are_exact) [[unlikely]]
    detail::set_limit(thread);
}

/// Whether a tick has come and the running thread's turn is over: then it has to pass_turn(). After
/// an interrupt.
bool take_end_of_turn();

/// The coroutine of `thread`, whose turn is over, lets the others of its level have theirs. A
/// thread without credit waits for its next round, one without budget for its next period. A kill
/// ends the wait.
async::Task<> pass_turn(Thread& thread);

/// Whether a tick has come. After an interrupt.
bool turn_has_ticked();

/// After `thread` may have waited: gives it credit if a new round has begun meanwhile.
inline void note_rest(Thread& thread) {
  if (turn.thread == &thread) return;  // no other thread has run meanwhile
  if (turn.rounds.is_behind(thread.share)) detail::renew_share(thread);
}

/// After the schedule of `thread`, which was `before`, has changed: sets the credit or budget of
/// the new one.
void change_share(Thread& thread, const Schedule& before);
/// Before `thread` is destroyed: ends its reservation, if it has one.
void end_share(const Thread& thread);

/// The first thread of all has a quantum; others have half of their makers' credit (share_turn).
void start_share(Thread& thread);
/// Gives `made` half of the credit of `maker`, the running thread: making threads gains no time.
/// With less than a tick of credit, `made` counts as computing.
void share_turn(Thread& maker, Thread& made);

/// How long `thread` has been the running one, if it is; zero otherwise.
std::uint64_t running_ticks(const Thread& thread);

/// System calls made on a hart so far.
std::uint64_t syscalls_on(unsigned hart);

/// What limit_turn() set the timer for has come. ISR context.
void turn_ticked();

}  // namespace kernel
