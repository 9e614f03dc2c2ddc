// How threads end.
#pragma once

namespace kernel {

class Thread;

// The thread's coroutine calls both functions.

/// Releases the mutexes that the thread still holds, and wakes the threads that wait for its end.
/// The thread will not run its program again, and the kernel accesses none of its memory after
/// this.
void exit_cleanup(Thread& self);
/// Removes the thread from its process, which ends with its last thread. The coroutine calls this
/// last.
void end_thread(Thread& self);

}  // namespace kernel
