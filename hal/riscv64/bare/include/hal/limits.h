// Computers without an MMU are small. The kernel has about 18 KiB of static data for each hart.
#pragma once

namespace hal {

/// The kernel does not start more harts.
inline constexpr unsigned max_harts = 8;

}  // namespace hal
