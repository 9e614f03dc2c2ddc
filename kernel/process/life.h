// A user thread's life, from its first instruction to its last.
#pragma once

#include <async/async.h>
#include <kernel/ref.h>

namespace kernel {

class Thread;

/// The coroutine that is the thread: runs its program, serves its traps, cleans up after it.
async::Task<> thread_life(Ref<Thread> thread);

}  // namespace kernel
