// run_thread(), the coroutine of a user thread: the checks between a trap and the return to user
// mode, and the end of the thread. Its steps are in the strand, or share it.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>

#include "process/thread.h"
#include "sched/running.h"

namespace kernel {

/// The thread's coroutine: runs the program, serves its traps, and cleans up at the end.
async::Task<> run_thread(Ref<Thread> thread);

// run_thread() calls the next two functions at the end.

/// Releases the mutexes that the thread still holds, and wakes the threads that wait for its end.
/// The thread will not run its program again, and the kernel accesses none of its memory after
/// this.
void exit_cleanup(Thread& self);
/// Removes the thread from its process, which ends with its last thread. run_thread() calls this
/// last.
void end_thread(Thread& self);

/// Reads how urgent the ready work of `self` is, which may change its level. Writes how urgent the
/// other ready jobs of this hart are. `self` shares its priority (abi/shared_priority.h) and is the
/// current thread. In the strand.
void exchange_priority(Thread& self);

/// Whether a ready job on this hart may end the time slice of `self`.
inline bool others_wait(const Thread& self) {
  return async::current_executor().preempts(self.preempt_threshold() + 1);
}

/// Decides between `self` and the ready jobs of others_wait(). Returns true if none of them is more
/// urgent: `self` runs on, and its time slice is limited now.
[[gnu::always_inline]] inline bool keeps_hart(Thread& self) {
  if (self.shared_priority() != 0) [[unlikely]]
    exchange_priority(self);
  // The job's priority, which a lock's waiters may have raised above the thread's level: a job that
  // yields to less urgent ones would run again at once, and nothing would change.
  if (async::current_executor().has_ready_above(async::current_job().priority)) return false;
  arm_timeslice(self);
  return true;
}

/// Like may_return_to_user(). Call it only if others_wait() is true.
[[gnu::always_inline]] inline bool may_return_among_others(Thread& self) {
  return keeps_hart(self) && !self.has_pending_flags();
}

/// Called after a trap: whether `self` returns to user mode now. Returns false if a more urgent job
/// is ready or if `self` has pending flags (Thread::has_pending_flags). Limits the time slice of
/// `self` if others_wait() is true.
[[gnu::always_inline]] inline bool may_return_to_user(Thread& self) {
  if (others_wait(self) && !keeps_hart(self)) return false;
  return !self.has_pending_flags();
}

}  // namespace kernel
