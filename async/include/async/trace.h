// Trace points: what happened to which job. platform::tracing = false removes them; otherwise each
// is one predictable branch until somebody sets `trace_hook`.
#pragma once

#include <cstdint>

#include "async/platform.h"

namespace async {

enum class TraceEvent : std::uint8_t { spawn, wake, run, wait, done };

/// Called in task context, interrupts as they were. Must not touch the executor.
using TraceHook = void (*)(TraceEvent event, const Job& job);
inline constinit TraceHook trace_hook = nullptr;

inline void trace([[maybe_unused]] TraceEvent event, [[maybe_unused]] const Job& job) noexcept {
  if constexpr (platform::tracing) {
    if (const TraceHook hook = trace_hook; hook != nullptr) [[unlikely]]
      hook(event, job);
  }
}

}  // namespace async
