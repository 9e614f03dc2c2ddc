// Programs with instructions that this machine cannot run as they are. The kernel rewrites them
// before they run (hal::code_is_seen_first), or after a fault. It rewrites a whole executable area
// at a time, because instruction boundaries are known only from the area's first instruction on.
#pragma once

#include <async/async.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

namespace kernel {

class Thread;

/// Rewrites the area of `at` in the memory of `self`, so that the machine can run it. Returns
/// without an error if the program may retry, also if it was cancelled. ENOEXEC: the area cannot be
/// rewritten, and the log says why; EFAULT; ENOMEM.
async::Task<Result<>> see_code(Thread& self, hal::VirtAddr at);

}  // namespace kernel
