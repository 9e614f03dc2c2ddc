// The number of instructions this hart has executed. Subtract two readings to get the cost of the
// code between them. Always 0 on the hosted machine, which has no such counter.
#pragma once

#include <cstdint>

namespace hal {

std::uint64_t instructions();

}  // namespace hal

#include <hal/machine/instructions.h>  // the functions that this machine inlines
