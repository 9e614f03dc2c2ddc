// The fast paths of system calls (trap/fast_path.h): one for each call of all_calls.h whose form
// allows it.
#pragma once

namespace kernel {

/// Chooses the table of fast paths. start_system_calls() calls it. With one hart (`smp` false) the
/// fast paths do not enter the strand.
void start_fast_path(bool smp);

}  // namespace kernel
