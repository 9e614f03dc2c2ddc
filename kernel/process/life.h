// A user thread's life, from its first instruction to its last.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>

#include "process/running.h"
#include "process/shared_priority.h"
#include "process/thread.h"

namespace kernel {

/// The coroutine that is the thread: runs its program, serves its traps, cleans up after it.
async::Task<> thread_life(Ref<Thread> thread);

/// After a trap, in the strand: does `self` go back to its program? False: somebody more urgent is
/// ready, its end has come, or there is news for it. Its turn is limited as soon as others wait for
/// theirs.
inline bool may_go_on(Thread& self) {
  if (async::current_executor().preempts(self.turn_level() + 1)) [[unlikely]] {
    if (self.shared_priority() != 0) exchange_priority(self);
    if (async::current_executor().preempts(self.level())) return false;
    limit_turn(self);
  }
  return !self.needs_attention();
}

}  // namespace kernel
