// How the kernel clears pages.
#pragma once

namespace hal::pc {

/// Measures all ways, and chooses the fastest one for all harts. Call it once, on the boot hart,
/// when the clock runs and vector registers are enabled.
void choose_page_instructions();

}  // namespace hal::pc
