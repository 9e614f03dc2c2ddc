// Deadlocks of kernel jobs: a circle of jobs, each of which waits for a mutex of the next one or
// for its end. A deadlock is a bug: it is logged with every job of the circle and its await chain.
// The jobs remain blocked. (Deadlocks of user threads by futexes are the program's affair.)
#pragma once

#include <async/async.h>

namespace kernel {

/// Reports circles that a wait for a mutex closes. Call once, at boot.
void report_deadlocks();

/// Reports a circle that the wait of `job` for another job's end has closed, if it has. For
/// job_watch.cpp. In the strand.
void report_deadlock_by_join(const async::Job& job);

}  // namespace kernel
