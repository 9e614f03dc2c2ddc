// The features of the processor that the kernel uses.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace hal::pc {

/// Looks which features the processor has. Call it once, on the boot hart. Returns what the kernel
/// needs and the processor does not have; empty if nothing is missing.
std::string_view find_features();
/// Enables the features on this hart.
void enable_features();

/// Fills `bytes`, a multiple of 8, with random numbers of the processor. Returns false if it gives
/// none.
bool read_random(std::span<std::byte> bytes);

}  // namespace hal::pc
