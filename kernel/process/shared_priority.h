// What a program's scheduler and the kernel's tell each other (abi/shared_priority.h). In the
// strand.
#pragma once

#include "process/thread.h"

namespace kernel {

/// Reads how urgent what `self` has ready is, which may change its level, and writes how urgent the
/// others are that wait for this hart. `self` shares its priority, and runs.
void exchange_priority(Thread& self);

}  // namespace kernel
