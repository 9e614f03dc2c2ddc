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

/// Whether somebody is ready who is urgent enough to have a claim on `self`'s turn.
inline bool others_wait(const Thread& self) {
  return async::current_executor().preempts(self.turn_level() + 1);
}

/// While others wait: is it still `self`'s turn? Then it is limited. False: they are more urgent.
[[gnu::always_inline]] inline bool keeps_turn(Thread& self) {
  if (self.shared_priority() != 0) [[unlikely]]
    exchange_priority(self);
  if (async::current_executor().has_ready_above(self.level())) return false;
  limit_turn(self);
  return true;
}

/// May it go on, where others are known to wait? See may_go_on().
[[gnu::always_inline]] inline bool may_go_on_among_others(Thread& self) {
  return keeps_turn(self) && !self.needs_attention();
}

/// After a trap, in the strand: does `self` go back to its program? False: somebody more urgent is
/// ready, its end has come, or there is news for it. Its turn is limited as soon as others wait for
/// theirs.
[[gnu::always_inline]] inline bool may_go_on(Thread& self) {
  if (others_wait(self) && !keeps_turn(self)) return false;
  return !self.needs_attention();
}

}  // namespace kernel
