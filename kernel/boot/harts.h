// What every hart does: an executor of its own, for ever.
#pragma once

#include <async/async.h>

#include <string>

namespace kernel {

/// Makes this hart ready to run jobs. Once a hart, before anything else of this; `in_company`:
/// there are or will be others.
void begin_hart(bool in_company);

/// Runs this hart's jobs.
[[noreturn]] void run_hart();

/// The table that /proc/harts is: a line a hart that has started, columns separated by tabs, a
/// heading line first. All since boot: how often it turned to another user thread, the jobs that
/// came to it from others, the interrupts that others sent it, how often it sent others one so that
/// they forget translations or instructions, and the time it had nothing to do.
void list_harts(std::string& out);

/// Starts harts 1 … count - 1; each says so when it runs. Once memory is there.
void start_other_harts(unsigned count);
/// Waits for them, so that programs find the machine as it will be; not for ever, because one may
/// never come.
async::Task<> await_other_harts();

}  // namespace kernel
