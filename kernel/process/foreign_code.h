// Programs whose instructions are not all such as the machine runs, and are changed before they are
// run (hal::code_is_seen_first) or when it turns out. Whole areas are gone through at once: where
// instructions begin is known from the area's first byte on, and not otherwise.
#pragma once

#include <async/async.h>
#include <hal/memory_map.h>
#include <kernel/result.h>

namespace kernel {

class Thread;

/// Makes the instructions at `at`, in the memory of `self`, such as the machine runs. ENOEXEC: they
/// are not to be changed, and the log says why; ENOMEM.
async::Task<Result<>> see_code(Thread& self, hal::VirtAddr at);

}  // namespace kernel
