// Makes the kernel panic on purpose, to test its report: `crash=` on the command line.
#pragma once

#include <async/async.h>

#include <string_view>

namespace kernel {

/// `read`: a load from an unmapped address. `jump`: a jump to one. `write-text`: a store into the
/// kernel's code. `stack`: recursion into the stack's guard page. `preempting-stack`: the same on
/// a stack of the stack pool. `panic`: a call of panic(). Other values have no effect. Runs
/// in a nested coroutine, so that the report shows an await chain. Waits until `hart` has started.
async::Task<> crash_if_asked(std::string_view how, unsigned hart);

}  // namespace kernel
