// The names of the system, for uname and /proc/sys/kernel.
#pragma once

#include <string_view>

namespace kernel::system_name {

inline constexpr std::string_view system = "Cotrap", node = "cotrap", version = "#1",
                                  domain = "(none)";
inline constexpr std::string_view release = "6.1.0-cotrap";  // C libraries refuse older kernels

}  // namespace kernel::system_name
