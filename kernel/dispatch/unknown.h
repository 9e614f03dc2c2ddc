// The handler of unknown system calls.
#pragma once

#include "process/syscall_table.h"

namespace kernel {

/// Returns −ENOSYS. Logs each number the first time.
trap::Register unknown_call(Thread& self, const trap::UserContext& context);

}  // namespace kernel
