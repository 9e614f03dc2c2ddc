// The instructions of address translation on a machine without it: most do nothing.
#pragma once

#include <hal/memory_map.h>

#include <string_view>

namespace hal {

using Asid = std::uint16_t;
/// The number of a space.
using TranslationToken = std::uint64_t;

/// What protects memory from programs, as boot prints it.
inline constexpr std::string_view protection =
    "nothing protects the kernel from programs, or programs from each other";

inline void set_translation(TranslationToken) {}
inline TranslationToken current_translation() {
  return 0;
}

/// Spaces get numbers as if there were tags in a TLB, which costs less than a machine without tags.
inline Asid highest_asid() {
  return 0xffff;
}

inline void translation_added(VirtAddr) {}
inline void flush_page(VirtAddr, Asid) {}
inline void flush_space(Asid) {}
inline void flush_all() {}

/// The processor fetches no instructions from pages that it does not execute.
constexpr bool code_is_read_ahead() {
  return false;
}

/// Instructions that this hart fetches from now on see all its earlier stores.
inline void synchronize_code() {
  asm volatile("fence.i" : : : "memory");
}

/// Bytes that cbo.zero clears, from the device tree's riscv,cboz-block-size; 0 if the harts have no
/// cbo.zero. Set once at boot, the same for all harts. senvcfg and menvcfg must allow the
/// instruction.
inline constinit std::size_t zero_block_size = 0;

/// The addresses are page-aligned.
void zero_page(void* page);
void copy_page(void* to, const void* from);

}  // namespace hal
