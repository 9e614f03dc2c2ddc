// Trace points: what happened to which job. platform::tracing = false removes them; otherwise each
// is one predictable branch at most until somebody sets a hook.
#pragma once

#include <cstdint>

#include "async/platform.h"
#include "async/shared_word.h"

namespace async {

enum class TraceEvent : std::uint8_t {
  spawn,
  wake,
  run,      ///< its step begins
  wait,     ///< its step has ended; done: for ever
  yield,    ///< its step has ended, and it is ready; or not, where the job migrates
  preempt,  ///< its step is preempted; it is running until here
  migrate,  ///< it has been sent to the hart that it is on now
  done,
};

/// Called in task context, interrupts as they were. Must not touch the executor.
using TraceHook = void (*)(TraceEvent event, const Job& job);
inline constinit SharedWord<TraceHook> trace_hook = nullptr;

/// From here on (null: no longer). Task context. Harts that run see the new hook in their next
/// steps: what it uses is there before they begin.
void set_trace_hook(TraceHook hook) noexcept;

ASYNC_SLOW_PATH void trace_now(TraceEvent event, const Job& job) noexcept;

inline void trace(TraceEvent event, const Job& job) noexcept {
  if constexpr (!platform::tracing) return;
  if (trace_hook != nullptr) [[unlikely]]
    trace_now(event, job);
}

/// Is there a trace hook, or a policy, which has to know what jobs begin, wake and end? One test
/// for both, where it is worth it.
inline constinit SharedWord<bool> jobs_are_watched = false;
inline bool watched() noexcept {
  if constexpr (platform::tracing) return jobs_are_watched;
  return false;
}

}  // namespace async
