// Where the trace's events come from: async/'s hook and the router's, a table of system calls, and
// what threads tell of themselves. (Interrupts: devices/interrupts.cpp.)
#pragma once

#include "trace/recorder.h"

namespace trap {
struct UserContext;
}
namespace kernel {
class Thread;
}

/// A place in the kernel's image that is known by name: texts and code are found from there.
extern "C" const char cotrap_trace_anchor;

namespace kernel::trace {

/// From here on every hart that has a ring notes what its jobs do, and its traps.
void set_points();

/// Which program the job that runs stands for, from now on.
[[gnu::cold]] void note_thread(Thread& thread);

/// From now on system calls are noted, too, before and after they are answered.
void trace_syscalls();

/// The running job's system call, and what it was answered, where who answers notes them itself.
[[gnu::cold]] void note_call(const trap::UserContext& context);
[[gnu::cold]] void note_result(std::uint64_t result);

}  // namespace kernel::trace
