// How many instructions this hart has executed, where the machine counts them: differences are what
// a piece of the kernel costs. 0 where it does not.
#pragma once

#include <cstdint>

namespace hal {

std::uint64_t instructions();

}  // namespace hal

#include <hal/machine/instructions.h>  // what this machine inlines
