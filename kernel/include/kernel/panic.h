// The kernel panics when one of its invariants is broken. No program, file or device may cause a
// panic.
#pragma once

#include <string_view>

namespace kernel {

/// Reports `what`, the running coroutine and the await chains, then switches the machine off. Only
/// the first hart that panics reports; the others stop. Any context; does not allocate.
[[noreturn]] void panic(std::string_view what);

/// Stops this hart if another one panics. Called after an IPI.
void stop_if_panicking();

}  // namespace kernel
