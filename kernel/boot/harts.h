// The harts besides the one that boots.
#pragma once

namespace kernel {

/// Starts harts 1 … count - 1; each says so when it runs. Once memory is there.
void start_other_harts(unsigned count);

}  // namespace kernel
