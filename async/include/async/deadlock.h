// Deadlock detection. A deadlock is a circle of jobs in which each job waits for the next one: for
// the holder of a mutex, or for a job that it joins. If a hook is set, the runtime looks for a
// circle when a job begins to wait for a mutex. The last job to wait closes the circle. In a pool
// (parallel.h) the runtime does not look, and these functions may be called only while no parallel
// job runs.
#pragma once

#include "async/job.h"

namespace async {

/// The only job that can end the wait of `job`: the mutex holder or the joined job. Null if `job`
/// does not wait, or several jobs or none can end its wait. In the strand.
const Job* awaited(const Job& job) noexcept;

/// Calls visit(context, job) for each job of the circle that `job` is part of, beginning with
/// `job`. False if `job` is not part of a circle. In the strand.
bool visit_circle(const Job& job, void (*visit)(void* context, const Job& job),
                  void* context) noexcept;

/// Called with the job whose wait has closed a circle. In the strand; must not wake jobs.
using DeadlockHook = void (*)(const Job& job);
/// Sets the hook. Null, which is the default: the runtime does not look for deadlocks.
void set_deadlock_hook(DeadlockHook hook) noexcept;

/// Looks for a circle. Mutex calls it when `job` has begun to wait for a mutex.
void look_for_deadlock(const Job& job) noexcept;

}  // namespace async
