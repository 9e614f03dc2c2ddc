// How the kernel clears and copies pages.
#pragma once

namespace hal::riscv64 {

/// Measures the ways that the machine has, and chooses the fastest for all harts. Call it once, on
/// the boot hart, after vectors_init().
void choose_page_instructions();
/// From now on pages are cleared and copied by words, because not all harts have vector registers.
/// Any hart may call it at any time.
void use_words_for_pages();

}  // namespace hal::riscv64
