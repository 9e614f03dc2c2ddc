// What answers where there is no system call.
#pragma once

#include <trap/syscall_table.h>

namespace kernel {

class Thread;

/// -ENOSYS, and a line in the log the first time.
trap::Register unknown_call(Thread& self, const trap::UserContext& context);

}  // namespace kernel
