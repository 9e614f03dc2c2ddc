// Recording system calls for the trace.
#pragma once

#include <cstdint>

#include "process/syscall_table.h"

namespace kernel::trace {

/// A table whose entries record each call and its result. In use while tracing is on.
extern const SyscallTable traced_calls;

/// Record a system call of the running job, and its result. For code that handles a call without
/// the table.
[[gnu::cold]] void note_call(const trap::UserContext& context);
[[gnu::cold]] void note_result(std::uint64_t result);

}  // namespace kernel::trace
