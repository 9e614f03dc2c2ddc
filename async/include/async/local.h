// What the runtime keeps for each hart. The platform owns the storage (per-hart data in the kernel,
// thread-local in a process) and hands it out through platform::local(). It needs no constructor
// to run: all zero is the right beginning.
#pragma once

#include <cstdint>

#include "async/frame_pool.h"

namespace async {

class Executor;
class Job;

/// What the executor is about to resume.
enum class StepKind : std::uint8_t {
  strand = 0,        // runs alone among the jobs of the strand, and is never interrupted
  independent = 64,  // beside the strand: interrupts reach it, and may put it aside in mid-step
  preempted = 128,   // goes on where it was put aside; lets interrupts in when it is there
};

struct Local {
  Executor* executor = nullptr;  // this hart's executor, from its construction on
  Job* job = nullptr;            // the job whose step runs now; null while idle
  bool in_company = false;       // there are other harts: set by the world, between two steps
  bool in_strand = false;        // this hart holds the strand; only said in company
  FramePool frames;              // coroutine frames, of what is not in the strand (strand.h)
};

}  // namespace async
