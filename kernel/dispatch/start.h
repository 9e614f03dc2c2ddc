// Choosing how system calls are dispatched.
#pragma once

namespace kernel {

/// Installs the table of system calls and the fast paths, which record calls while tracing is on.
/// Call once, after begin_hart() and before the first program runs. `smp_active`: several harts
/// run.
void start_system_calls(bool smp_active);

}  // namespace kernel
