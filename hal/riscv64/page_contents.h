// How the kernel clears and copies pages.
#pragma once

namespace hal::riscv64 {

/// Measures the ways that the machine has, and chooses the fastest for all harts. Call it once, on
/// the boot hart, after vectors_init().
void choose_page_instructions();

}  // namespace hal::riscv64
