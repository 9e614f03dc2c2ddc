// How threads end.
#pragma once

namespace kernel {

class Thread;

// Both are called by the thread's coroutine.

/// The thread will not run its program again: gives up the mutexes it died with and tells who waits
/// for its end. Nothing looks into its memory afterwards.
void say_farewell(Thread& self);
/// It leaves its process, which ends with the last one. Last of all.
void end_thread(Thread& self);

}  // namespace kernel
