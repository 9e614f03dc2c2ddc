// The shortest system calls; benchmarks measure the cost of a call with getppid, gettid and
// sched_yield. They are inline, so that the table's code (all_calls.h) contains them. The fast path
// answers those about the caller's identity outside the strand, except while tracing is on
// (trap::CallForm::no_strand). calls.h explains the lines `linux:`.
#pragma once

#include <async/async.h>
#include <kernel/result.h>

#include "process/syscall_table.h"
#include "process/thread.h"

namespace kernel::sys {

/// linux: none known
inline int getpid(Thread& self) {
  return self.process().id();
}

/// linux: none known
inline int getppid(Thread& self) {
  return self.process().parent_id();
}

/// linux: none known
inline int gettid(Thread& self) {
  return self.id();
}

/// Also geteuid, getgid and getegid.
/// linux: There is one user, the superuser: the answer is 0.
inline int getuid(Thread&) {
  return 0;
}

/// sched_yield of a thread without a reservation, if the executor has no events.
[[gnu::always_inline]] inline trap::Answer<Result<>> yield_to_ready(Thread& self, int threshold) {
  if (!async::current_executor().has_ready_above(static_cast<unsigned>(threshold)))
    return Result<>{};
  return self.wait(async::yield);
}
/// sched_yield in all other cases (scheduling.cpp).
trap::Answer<Result<>> yield_specially(Thread& self);

// Would block if an equally or more urgent job is ready. A thread with a reservation always gives
// up the rest of its budget.
/// linux: none known
template <bool shares = false>
inline trap::Answer<Result<>> sched_yield(Thread& self) {
  const int threshold = self.yield_threshold();
  if (threshold < 0 || async::current_executor().has_events()) [[unlikely]]
    return shares ? fail(Errno::would_block) : yield_specially(self);
  if constexpr (!shares) return yield_to_ready(self, threshold);
  // Its coroutine may take submissions in the strand now, with no place for a wait of this call.
  if (self.shared_priority() != 0 || self.ring() != nullptr) return fail(Errno::would_block);
  const auto answer = yield_to_ready(self, threshold);
  if (answer.blocks()) async::Strand::Sharing{}.keep();
  return answer;
}

}  // namespace kernel::sys
