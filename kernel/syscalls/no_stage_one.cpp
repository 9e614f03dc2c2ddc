// Where there is none: behind a trampoline, and on the hosted machine.
#include "syscalls/stage_one.h"

namespace kernel {

void start_stage_one(bool) {}

}  // namespace kernel
