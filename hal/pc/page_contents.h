// How the kernel clears and copies pages.
#pragma once

namespace hal::pc {

/// Measures the ways, and chooses the faster one for all harts. Call it once, on the boot hart,
/// when the clock runs and vector registers are enabled.
void choose_page_instructions();

}  // namespace hal::pc
