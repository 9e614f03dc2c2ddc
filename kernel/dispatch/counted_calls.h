// Counts each thread's system calls by number, with the time that they take. While counting is off,
// no call tests whether it is on. To turn it on, count_syscalls() replaces the entries of the fast
// path and the table of the slow path. A new entry counts, and calls the old one.
//
//     call ─▶ begin_counted() ─▶ the call's handler ─▶ end_counted()
//                                       │ would block                     counts at once
//                                       └─▶ wait ─▶ run_thread(), before the return to user mode,
//                                                   or at the thread's end
//
// The constant tables are complete before other harts start. count_syscalls() copies one of them,
// entry by entry, into cotrap_fast_path_table, and changes the pointer to the slow path's table.
// All these stores are relaxed: a hart may still call an old entry for a while. The calls of traced
// threads are intercepted in the same way (set_interception()).
#pragma once

#include <kernel/result.h>

#include <string_view>

#include "process/syscall_counts.h"
#include "process/thread.h"

namespace kernel {

/// Makes room for the call and reads the clock. `self` is the running thread.
CountedCall begin_counted(Thread& self, std::uint64_t number);
/// The handler has returned. If the call waits, it counts when the thread returns to its program.
void end_counted(Thread& self, const CountedCall& call, bool waits);

/// Turns counting on or off, for /proc/syscalls: "on" or "off". EINVAL for another word. Counts are
/// kept. In the strand.
Result<> count_syscalls(std::string_view word);

/// Turns the interception of calls on or off (process/tracing.h). In the strand.
void set_interception(bool on);

/// The fast paths: those of uncounted calls, those that count, or none.
enum class FastPaths : std::uint8_t { usual, counted, none };
/// The part of count_syscalls() and set_interception() for the fast path.
void use_fast_paths(FastPaths paths);

}  // namespace kernel
