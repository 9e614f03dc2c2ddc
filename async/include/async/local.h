// The runtime's per-hart data. The platform owns the storage (per-hart data in the kernel,
// thread-local in a process); platform::local() returns it. All zero is the valid initial state.
#pragma once

#include <cstdint>

#include "async/frame_pool.h"

namespace async {

class Executor;
class Job;

/// The kind of step that the executor is about to resume.
enum class StepKind : std::uint8_t {
  strand = 0,          // runs in the strand, and is never interrupted
  sharing = 0x40,      // shares the strand, and is never interrupted
  preemptible = 0x80,  // runs outside the strand; interrupts may preempt it in mid-step
  preempted = 0xc0,    // resumes a preempted step, which itself unmasks interrupts
};
constexpr bool is_preemptible(StepKind kind) noexcept {
  return static_cast<std::int8_t>(kind) < 0;  // the sign bit, which is cheapest to test
}

#if defined(__has_feature) && __has_feature(thread_sanitizer)
// ThreadSanitizer reports the plain reads of RunningJob, because it cannot know that a hart's plain
// read and the last write are by the same hart. So with it all reads are atomic.
inline constexpr bool platform_is_checked_for_races = true;
#else
inline constexpr bool platform_is_checked_for_races = false;
#endif

/// The job whose step runs on a hart; null while the hart idles. Only the hart itself writes it.
/// Accesses are relaxed and order nothing, so other harts may read an old value. The hart's own
/// reads are plain, so the compiler may cache them.
class RunningJob {
 public:
  constexpr RunningJob() noexcept = default;
  RunningJob& operator=(Job* job) noexcept {
    __atomic_store_n(&job_, job, __ATOMIC_RELAXED);
    return *this;
  }
  RunningJob(const RunningJob&) = delete;
  RunningJob& operator=(const RunningJob&) noexcept = default;  // for tests that reset their world
  operator Job*() const noexcept {
    if constexpr (platform_is_checked_for_races) return seen_from_elsewhere();
    return job_;
  }
  Job* operator->() const noexcept { return *this; }

  /// May be called on any hart. On another hart the value may be out of date.
  Job* seen_from_elsewhere() const noexcept { return __atomic_load_n(&job_, __ATOMIC_RELAXED); }

 private:
  Job* job_ = nullptr;
};
static_assert(sizeof(RunningJob) == sizeof(Job*));  // platforms read a RunningJob with one load

class StrandSharer;

struct Local {
  Executor* executor = nullptr;       // this hart's executor, from its construction on
  RunningJob job;                     // the job whose step runs now
  bool smp_active = false;            // other harts run, too; the world sets it before it has jobs
  bool in_strand = false;             // this hart is in the strand; valid only if smp_active
  bool shares_strand = false;         // the running step shares it; valid only if smp_active
  bool preemption_held_back = false;  // an interrupt came while the step held a spin lock
  bool has_retired = false;           // this hart has objects to destroy (retired.h)
  std::uint8_t must_destroy = 0;      // bits of Retired: what it does when it ends its sharing
  std::uint8_t leaf_locks = 0;        // bit n: holds one of depth n; only in debug builds
  bool has_list_lock = false;         // this hart holds a ListLock
  bool may_hand_over = false;         // run_until_idle() runs, and no other hart
  bool hands_over = false;            // the same, and no policy is set: yield() may hand over
  std::uint32_t spin_locks = 0;       // how many the running step holds
  StrandSharer* sharer = nullptr;     // set by Strand::let_share()
  FramePool frames;                   // for coroutine frames
};

}  // namespace async
