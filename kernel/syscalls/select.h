// select(2), for the machines that have this call beside pselect6.
#pragma once

#include <abi/types.h>
#include <kernel/result.h>
#include <trap/syscall_table.h>

#include <array>
#include <cstdint>

#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

/// sets: of descriptors to read from, to write to, and with exceptional conditions. Writes the time
/// that is left to `timeout`.
trap::Answer<Result<int>> select_for(Thread&, int count,
                                     const std::array<UserPtr<std::uint64_t>, 3>& sets,
                                     UserPtr<abi::Timeval> timeout);

}  // namespace kernel::sys
