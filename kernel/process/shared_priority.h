// The priorities that a program's scheduler and the kernel's exchange in shared memory
// (abi/shared_priority.h). In the strand.
#pragma once

#include "process/thread.h"

namespace kernel {

/// Reads how urgent the ready work of `self` is, which may change its level. Writes how urgent the
/// other ready jobs of this hart are. `self` shares its priority and is the current thread.
void exchange_priority(Thread& self);

}  // namespace kernel
