// What riscv64 kernels with and without address translation have in common: written instructions,
// and the contents of pages.
#pragma once

#include <cstddef>

namespace hal {

/// The processor fetches no instructions from pages that it does not execute.
constexpr bool code_is_read_ahead() {
  return false;
}

/// Instructions that this hart fetches from now on see all its earlier stores.
inline void synchronize_code() {
  asm volatile("fence.i" : : : "memory");
}

/// Bytes that cbo.zero clears, from the device tree's riscv,cboz-block-size; 0 if the harts have no
/// cbo.zero. Set once at boot, the same for all harts. In supervisor mode, senvcfg and menvcfg must
/// allow the instruction.
inline constinit std::size_t zero_block_size = 0;

/// The addresses are page-aligned.
void zero_page(void* page);
void copy_page(void* to, const void* from);

}  // namespace hal
