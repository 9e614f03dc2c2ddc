// Programs with instructions that this machine cannot run as they are. The kernel rewrites them
// before they run (hal::code_is_seen_first), or after a fault. It rewrites a whole executable area
// at a time, because instruction boundaries are known only from the area's first instruction on.
// The start of a faulting instruction is known, so the kernel may change that one alone
// (hal::is_fault_of_fs).
#pragma once

#include <async/async.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

namespace kernel {

class Thread;

/// Rewrites the area of `at` in the memory of `self`, so that the machine can run it. If `at` lies
/// in the range of hidden fs (hal::is_fault_of_fs), rewrites only the instruction at which `self`
/// has stopped. Returns without an error if the program may retry, also if it was cancelled.
/// ENOEXEC: the area cannot be rewritten, and the log says why; EFAULT; ENOMEM.
async::Task<Result<>> see_code(Thread& self, hal::VirtAddr at);

/// Whether the system call that `self` makes came from a `syscall` instruction in code that has not
/// been rewritten yet and may be rewritten.
bool is_call_to_rewrite(Thread& self);

/// Logs how much code of all programs the kernel has rewritten, if any.
void log_rewritten_code();

}  // namespace kernel
