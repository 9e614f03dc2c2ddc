// Where there is none: behind a trampoline, and on the hosted machine.
#include "syscalls/fast_path.h"

namespace kernel {

void start_fast_path(bool) {}

}  // namespace kernel
