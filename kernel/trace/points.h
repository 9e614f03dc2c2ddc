// The sources of the trace's events: the hooks of async/ and of the router, a table of system
// calls, and threads. Interrupts are recorded in devices/interrupts.cpp.
#pragma once

#include "trace/recorder.h"

namespace trap {
struct UserContext;
}
namespace kernel {
class Thread;
}

/// A symbol in the kernel's image. The trace contains its address (Header::anchor), so a reader can
/// find an event's text or code in the kernel's file.
extern "C" const char cotrap_trace_anchor;

namespace kernel::trace {

/// Installs the hooks. From then on every hart with rings records its jobs, traps and system calls.
void set_points();

/// Records that the running job runs `thread`.
[[gnu::cold]] void note_thread(Thread& thread);

/// Installs the table that records system calls and their results.
void trace_syscalls();

/// Record a system call of the running job, and its result. For code that handles a call without
/// the table.
[[gnu::cold]] void note_call(const trap::UserContext& context);
[[gnu::cold]] void note_result(std::uint64_t result);

}  // namespace kernel::trace
