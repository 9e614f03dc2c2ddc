// Breaks the kernel on purpose, so that its last words can be tested: `crash=` on the command line.
#pragma once

#include <async/async.h>

#include <string_view>

namespace kernel {

/// `read`: a load from an address that is not mapped; `jump`: to one; `write-text`: a store into
/// the kernel's code; `stack`: recursion until the stack's guard page; `panic`: a broken invariant.
/// Anything else does nothing. Runs a coroutine deep, so that there is an await chain to report.
/// Waits for `hart` if that has not started yet.
async::Task<> crash_if_asked(std::string_view how, unsigned hart);

}  // namespace kernel
