// For the trap path with a trampoline, and for the hosted machine: they have no fast path.
#include "dispatch/dispatch.h"

namespace kernel {

void start_fast_path(bool) {}

}  // namespace kernel
