// The end: a broken invariant of the kernel's own. Nothing a program, a file or a device does may
// lead here.
#pragma once

#include <string_view>

namespace kernel {

/// Says what broke, in which coroutine, awaited by whom; then switches the machine off. Any
/// context; does not allocate.
[[noreturn]] void panic(std::string_view what);

}  // namespace kernel
