// What every hart does: an executor of its own, for ever.
#pragma once

#include <async/async.h>

namespace kernel {

/// Makes this hart ready to run jobs. Once a hart, before anything else of this; `smp_active`:
/// there are or will be others.
void begin_hart(bool smp_active);

/// Runs this hart's jobs, on the stack it is called on. Interrupts masked.
[[noreturn]] void run_hart();

/// Starts harts 1 … count - 1; each says so when it runs. Once memory is there.
void start_other_harts(unsigned count);
/// Waits for them, so that programs find the machine as it will be; not for ever, because one may
/// never come.
async::Task<> await_other_harts();

}  // namespace kernel
