// The features of the processor that the kernel uses.
#pragma once

#include <string_view>

namespace hal::pc {

/// Looks which features the processor has. Call it once, on the boot hart. Returns what the kernel
/// needs and the processor does not have; empty if nothing is missing.
std::string_view find_features();
/// Enables the features on this hart.
void enable_features();

}  // namespace hal::pc
