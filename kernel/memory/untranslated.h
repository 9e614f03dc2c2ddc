// What boot prints about machines without translation.
#pragma once

#include <string_view>

namespace kernel::memory {

/// What protects the kernel and programs from other programs.
std::string_view protection();

}  // namespace kernel::memory
