// How threads end.
#pragma once

namespace kernel {

class Thread;

/// The thread will not run its program again: gives up the mutexes it died with, tells who waits
/// for its end, and leaves its process; with the last thread the process ends. Called by its
/// coroutine, last of all.
void end_thread(Thread& self);

}  // namespace kernel
