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
  strand = 0,          // runs alone among the jobs of the strand, and is never interrupted
  independent = 0x80,  // beside the strand: interrupts reach it, and may put it aside in mid-step
  preempted = 0xc0,    // goes on where it was put aside; lets interrupts in when it is there
};
constexpr bool is_independent(StepKind kind) noexcept {
  return static_cast<std::int8_t>(kind) < 0;  // one bit, and the one that is tested cheapest
}

struct Local {
  Executor* executor = nullptr;       // this hart's executor, from its construction on
  Job* job = nullptr;                 // the job whose step runs now; null while idle
  bool in_company = false;            // there are other harts: set by the world, between two steps
  bool in_strand = false;             // this hart holds the strand; only said in company
  bool preemption_held_back = false;  // an interrupt came while a spin lock was held
  std::uint32_t spin_locks = 0;       // held by the running step
  FramePool frames;                   // coroutine frames, of what is not in the strand (strand.h)
};

}  // namespace async
