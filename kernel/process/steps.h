// Splitting long system calls into steps. While a step in the strand runs, interrupts wait and no
// other job of the hart runs. So no step may be longer than some hundred microseconds:
//
//     for (;;) {
//       …                                     // move at most `step_bytes`
//       if (all is done || async::is_cancelled()) co_return …;
//       co_await cond_resched(self);
//     }
//
// If one step is enough, the call's handler does all the work. Otherwise it leaves such a coroutine
// (trap/syscall_table.h). The functions below copy and
// free the memory of a large process in such steps.
#pragma once

#include <async/async.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "memory/address_space.h"
#include "process/thread.h"
#include "sched/running.h"

namespace kernel::sys {

inline constexpr std::size_t step_bytes = std::size_t{64} << 10;

/// The awaitable of cond_resched().
class NextStep : public async::YieldOp {
 public:
  explicit NextStep(Thread& self) : self_{self} {}
  /// Not inlined, because many calls have such a step.
  [[gnu::noinline]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const {
    return YieldOp::await_suspend(self);
  }
  /// Makes `self` the hart's current thread again, so that it is charged for the time.
  void await_resume() const {
    if (self_.is_current_job()) prepare_to_run(self_);
  }

 private:
  Thread& self_;
};

/// Called between two steps of work for `self`, by its own coroutine or by one of its ring. Takes
/// pending interrupts and lets jobs run that are more urgent, or equally urgent. A coroutine of the
/// ring is no more urgent than the thread from then on. Afterwards files
/// may be closed, memory unmapped, and the thread cancelled.
[[nodiscard]] NextStep cond_resched(Thread& self);

}  // namespace kernel::sys

namespace kernel {

/// Where YieldSharing puts the job, and how the next job begins.
enum class Yields : std::uint8_t {
  hand_over,  ///< to the end of its level; the hart may resume the next job at once
  to_end,     ///< to the end of its level; the executor first takes interrupts
  to_front,   ///< to the front of its level: only more urgent jobs run
};

/// Lets other jobs of this hart run, in a step that shares the strand (async/strand.h). If the
/// result is true, the next step shares it, too. False: only a step in the strand can yield, and
/// the step is there now.
template <Yields kind>
class YieldSharing {
 public:
  /// `self` is the thread of the running job.
  explicit YieldSharing(const Thread& self) : may_yield_{!self.has_pending_flags()} {}

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const;
  bool await_resume() const { return async::Strand::is_shared(); }

 private:
  bool may_yield_;
};

/// Whether no other thread and no other process uses the memory of `self`.
[[gnu::noinline]] bool has_memory_alone(Thread& self);
/// Whether the memory of `self` is too large for one step, and no other thread or process uses it.
/// give_back_memory() needs that.
[[gnu::always_inline]] inline bool has_large_memory_alone(Thread& self) {
  return !self.space().is_small() && has_memory_alone(self);
}

/// Copies the address space for a child process (fork), in a turn of its own. Other threads may run
/// and write meanwhile. `own_rings()` copies the pages of rings, in the step that has shared them
/// with the child, and returns whether the process has rings. EINTR: cancelled; ENOMEM.
async::Task<Result<Ref<AddressSpace>>> copy_memory(Thread& self,
                                                   Result<bool> (*own_rings)(Process&));

/// Drops the pages of [start, end), as MADV_DONTNEED does (AddressSpace::discard). No other job has
/// a turn to change `space`.
async::Task<> discard_memory(Thread& self, AddressSpace& space, hal::VirtAddr start,
                             hal::VirtAddr end);

/// Frees the memory of `self`, which ends or executes another program.
async::Task<> give_back_memory(Thread& self);

}  // namespace kernel
