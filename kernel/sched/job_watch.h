// Finds bugs of the kernel's own jobs, and logs each with the job and its await chain.
//
// Always: deadlocks that a wait for a mutex closes. A deadlock is a circle of jobs, each of which
// waits for a mutex of the next one or for its end. Every job of the circle is logged with its
// await chain, and all of them remain blocked. (Deadlocks of user threads by futexes are the
// program's affair.)
//
// If the kernel's command line has `watch`, bugs of the strand's jobs:
//
//   double enqueue   a ready job is woken, or a job runs that was not ready
//   lost wake        a job is ready for too long although all harts are idle; or, in kernels that
//                    inject faults, a job waits although its condition is true
//   lost IPI         a hart idles for too long although its inbox has entries; only in kernels that
//                    inject faults
//   starvation       a job is ready for too long
//   deadlock         a circle of waits that is closed by a wait for a job's end
//
// After the report of a lost IPI, or of a wake that was not sent, the watch sends it again.
//
// The watch follows the jobs by their trace points, and checks ready jobs periodically. Stalls are
// reported with `watch`, and on counted harts (step_watch.h).
#pragma once

#include <async/async.h>

namespace kernel {

/// Reports deadlocks that a wait for a mutex closes. Call once, at boot.
void report_deadlocks();

/// Starts the watch. `limit`: the longest time for which a job may be ready. Call once at boot,
/// before there are jobs and after the trace has been started, if there is one.
void watch_jobs(async::Duration limit);

/// Checks ready jobs periodically. Spawn once, on the first hart, if jobs are watched.
async::Task<> look_at_ready_jobs();
/// Whether watch_jobs() has been called.
bool jobs_are_watched();

}  // namespace kernel
