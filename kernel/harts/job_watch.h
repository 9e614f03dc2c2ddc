// What is wrong with the strand's jobs that none of them would say. Looked for where the kernel's
// command line has `watch`; each kind is logged with the job and the coroutines that it shows in:
//
//   double enqueue   a job is woken that is ready, or runs without being ready
//   lost wake        a job has been woken, and nobody runs it though no hart has anything to do
//   starvation       a job has been ready for longer than it may be
//   deadlock         a circle of waits that is closed by one for a job's end
//
// It sees jobs by their trace points, and looks at those that are ready from time to time. Circles
// that a mutex closes are always looked for (deadlocks.h). Stalls are reported with `watch`, and
// where time is counted (step_watch.h).
#pragma once

#include <async/async.h>

namespace kernel {

/// From now on; `limit` is how long a job may be ready. Once, at boot, before there are jobs; a
/// trace, if there is to be one, has been started.
void watch_jobs(async::Duration limit);

/// Looks at ready jobs. Once, on the first hart, if jobs are watched.
async::Task<> look_at_ready_jobs();
/// Whether they are.
bool jobs_are_watched();

}  // namespace kernel
