// Coroutines of the kernel that wait for each other, each for another one's mutex or end: a
// mistake, which is logged with every one of them and who awaits it. They go on waiting. (Threads
// that wait for each other by futexes are their program's business.)
#pragma once

#include <async/async.h>

namespace kernel {

/// From now on, of those that a wait for a mutex closes. Once, at boot.
void report_deadlocks();

/// Of one that the wait of `job` for another one's end has closed, if it has: for who watches jobs.
/// In the strand.
void report_deadlock_by_join(const async::Job& job);

}  // namespace kernel
