// What every hart does: an executor of its own, for ever.
#pragma once

namespace kernel {

/// Makes this hart ready to run jobs. Once a hart, before anything else of this; `in_company`:
/// there are or will be others.
void begin_hart(bool in_company);

/// Runs this hart's jobs.
[[noreturn]] void run_hart();

/// Starts harts 1 … count - 1; each says so when it runs. Once memory is there.
void start_other_harts(unsigned count);

}  // namespace kernel
