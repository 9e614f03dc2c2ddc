// Recording system calls for the trace.
#pragma once

#include "process/syscall_table.h"

namespace kernel::trace {

/// A handler for every number: records the call, then calls its handler. In use while tracing is
/// on.
trap::Register answer_recorded(Thread& self, const trap::UserContext& context);
extern const SyscallTable traced_calls;

}  // namespace kernel::trace
