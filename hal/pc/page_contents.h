// How the kernel clears pages.
#pragma once

namespace hal::pc {

/// Measures both ways, and chooses the faster one for all harts. Call it once, on the boot hart,
/// when the clock runs and vector registers are enabled.
void choose_page_instructions();

}  // namespace hal::pc
