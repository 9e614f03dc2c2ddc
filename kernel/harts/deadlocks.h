// Coroutines of the kernel that wait for each other's mutexes: a mistake, which is logged with
// every one of them and who awaits it. They go on waiting. (Threads that wait for each other by
// futexes are their program's business.)
#pragma once

namespace kernel {

/// From now on. Once, at boot.
void report_deadlocks();

}  // namespace kernel
