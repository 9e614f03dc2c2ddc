// For the hosted machine, which has no fast path.
#include "dispatch/counted_calls.h"
#include "dispatch/dispatch.h"

namespace kernel {

void start_fast_path(bool) {}
void use_fast_paths(FastPaths) {}

}  // namespace kernel
