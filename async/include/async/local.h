// What the runtime keeps for each hart. The platform owns the storage (per-hart data in the kernel,
// thread-local in a process) and hands it out through platform::local(). It needs no constructor
// to run: all zero is the right beginning.
#pragma once

#include "async/frame_pool.h"

namespace async {

class Executor;
class Job;

struct Local {
  Executor* executor = nullptr;  // this hart's executor, from its construction on
  Job* job = nullptr;            // the job whose step runs now; null while idle
  FramePool frames;              // coroutine frames
};

}  // namespace async
