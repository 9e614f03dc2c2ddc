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
  preemptible = 0x80,  // beside the strand: interrupts reach it, and may put it aside in mid-step
  preempted = 0xc0,    // goes on where it was preempted; lets interrupts in when it is there
};
constexpr bool is_preemptible(StepKind kind) noexcept {
  return static_cast<std::int8_t>(kind) < 0;  // one bit, and the one that is tested cheapest
}

#if defined(__has_feature) && __has_feature(thread_sanitizer)
inline constexpr bool platform_is_checked_for_races = true;  // it cannot know that a hart is one
#else
inline constexpr bool platform_is_checked_for_races = false;
#endif

/// Which job's step runs on a hart; null while it idles. The hart alone sets it, and it orders
/// nothing: to others it is what was so a moment ago. The hart's own reads are plain, so that the
/// compiler may keep what it has read.
class RunningJob {
 public:
  constexpr RunningJob() noexcept = default;
  RunningJob& operator=(Job* job) noexcept {
    __atomic_store_n(&job_, job, __ATOMIC_RELAXED);
    return *this;
  }
  RunningJob(const RunningJob&) = delete;
  RunningJob& operator=(const RunningJob&) noexcept = default;  // a world begun anew
  operator Job*() const noexcept {
    if constexpr (platform_is_checked_for_races) return seen_from_elsewhere();
    return job_;
  }
  Job* operator->() const noexcept { return *this; }

  /// On any hart.
  Job* seen_from_elsewhere() const noexcept { return __atomic_load_n(&job_, __ATOMIC_RELAXED); }

 private:
  Job* job_ = nullptr;
};
static_assert(sizeof(RunningJob) == sizeof(Job*));  // what platforms read in one piece

struct Local {
  Executor* executor = nullptr;       // this hart's executor, from its construction on
  RunningJob job;                     // whose step runs now
  bool smp_active = false;            // there are other harts: set by the world, between two steps
  bool in_strand = false;             // this hart holds the strand; only said in company
  bool preemption_held_back = false;  // an interrupt came while a spin lock was held
  std::uint32_t spin_locks = 0;       // held by the running step
  FramePool frames;                   // coroutine frames, of what is not in the strand (strand.h)
};

}  // namespace async
