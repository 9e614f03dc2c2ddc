// Finds scheduling bugs of the strand's jobs, if the kernel's command line has `watch`. It logs
// each bug with the job and its await chain:
//
//   double enqueue   a ready job is woken, or a job runs that was not ready
//   lost wake        a job is ready for too long although all harts are idle
//   starvation       a job is ready for too long
//   deadlock         a circle of waits that is closed by a wait for a job's end
//
// It follows the jobs by their trace points, and checks ready jobs periodically. Circles that a
// mutex closes are always reported (deadlocks.h). Stalls are reported with `watch`, and on counted
// harts (step_watch.h).
#pragma once

#include <async/async.h>

namespace kernel {

/// Starts the watch. `limit`: the longest time for which a job may be ready. Call once at boot,
/// before there are jobs and after the trace has been started, if there is one.
void watch_jobs(async::Duration limit);

/// Checks ready jobs periodically. Spawn once, on the first hart, if jobs are watched.
async::Task<> look_at_ready_jobs();
/// Whether watch_jobs() has been called.
bool jobs_are_watched();

}  // namespace kernel
