// Trace points report the events of jobs to a hook. platform::tracing = false removes them.
// Otherwise each costs at most one predictable branch while no hook is set.
#pragma once

#include <cstdint>

#include "async/platform.h"
#include "async/shared_word.h"

namespace async {

enum class TraceEvent : std::uint8_t {
  spawn,    ///< a job was made
  wake,     ///< a job's wait has ended
  run,      ///< a job's step begins
  wait,     ///< a job's step has ended, and the job waits
  yield,    ///< a job's step has ended, and the job is ready; a job that migrates may also wait
  preempt,  ///< a job's step, which has run until now, is preempted
  migrate,  ///< a job is sent to another hart, which is now its Node::hart
  done,     ///< a job has ended
};

/// Called on the hart where the event occurs, with interrupts unchanged. `preempt`, and `wake` of a
/// preemptible job, may come from an interrupt handler. Must not call the executor.
using TraceHook = void (*)(TraceEvent event, const Job& job);
inline constinit SharedWord<TraceHook> trace_hook = nullptr;

/// Sets the hook; null: none. Task context. Other harts may still use the old hook for a while.
/// Before this call, initialise the data that the new hook uses.
void set_trace_hook(TraceHook hook) noexcept;

ASYNC_SLOW_PATH void trace_now(TraceEvent event, const Job& job) noexcept;

inline void trace(TraceEvent event, const Job& job) noexcept {
  if constexpr (!platform::tracing) return;
  if (trace_hook != nullptr) [[unlikely]]
    trace_now(event, job);
}

/// Whether a trace hook or a policy is set. Policies need to know which jobs begin, wake and end,
/// so fast paths test this one flag for both.
inline constinit SharedWord<bool> jobs_are_watched = false;
inline bool watched() noexcept {
  if constexpr (platform::tracing) return jobs_are_watched;
  return false;
}

}  // namespace async
