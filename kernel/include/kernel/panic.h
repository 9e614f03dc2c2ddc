// The end: a broken invariant of the kernel's own. Nothing a program, a file or a device does may
// lead here.
#pragma once

#include <string_view>

namespace kernel {

/// Says what broke, in which coroutine, awaited by whom; then switches the machine off. The first
/// hart that comes here does, the others stop. Any context; does not allocate.
[[noreturn]] void panic(std::string_view what);

/// Does not come back if another hart panics. When this hart was poked.
void stop_if_panicking();

}  // namespace kernel
