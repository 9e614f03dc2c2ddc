// The sources of the trace's events: the hooks of async/ and of the router, and threads.
// devices/interrupts.cpp records interrupts. System calls are recorded by
// dispatch/traced_calls.cpp, and their results by the code that returns them to the program.
#pragma once

#include <string_view>

#include "trace/recorder.h"

/// A symbol in the kernel's image. The trace contains its address (Header::anchor), so a reader can
/// find an event's text or code in the kernel's file.
extern "C" const char cotrap_trace_anchor;

namespace kernel::trace {

/// Installs the hooks. From then on every hart with rings records its jobs and traps.
void set_points();

/// Records that the running job runs the thread `id` of `process`, whose program is `name`.
[[gnu::cold]] void note_thread(int process, int id, std::string_view name);

/// Records the result of the running job's system call.
[[gnu::cold]] void note_result(std::uint64_t result);

}  // namespace kernel::trace
