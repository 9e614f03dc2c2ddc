// How large a machine the kernel is built for. A machine may have its own version of this header.
#pragma once

namespace hal {

inline constexpr unsigned max_harts = 64;

}  // namespace hal
