// The commands of fcntl that lock ranges of a file (files/file_locks.h).
#pragma once

#include <abi/types.h>
#include <kernel/result.h>

#include "memory/user_memory.h"
#include "process/syscall_table.h"

namespace kernel {
class Thread;
}

namespace kernel::sys {

/// F_GETLK, F_SETLK, F_SETLKW and F_OFD_*. `fd` is open.
trap::Answer<Result<int>> lock_record(Thread& self, int fd, int command, UserPtr<abi::Flock> range);

}  // namespace kernel::sys
