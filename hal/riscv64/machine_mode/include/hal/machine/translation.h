// A machine without translation whose kernel runs in machine mode: physical memory protection (PMP)
// takes the place of page tables. A hart's entries are like a TLB that the kernel fills: a
// program's first access to a region faults, and the fault handler loads the region (pmp.cpp).
#pragma once

#include <hal/memory_map.h>

#include <string_view>

namespace hal {

using Asid = std::uint16_t;
/// The number of a space (hal/page_table.h).
using TranslationToken = std::uint64_t;

/// What protects memory from programs, as boot prints it.
inline constexpr std::string_view protection =
    "physical memory protection keeps each program to its own memory";

namespace riscv64 {
extern constinit thread_local TranslationToken protected_space;
}

/// The space whose regions programs on this hart may access.
void set_translation(TranslationToken token);
inline TranslationToken current_translation() {
  return riscv64::protected_space;
}

/// Spaces get numbers as if there were tags in a TLB, which costs less than a machine without tags.
inline Asid highest_asid() {
  return 0xffff;
}

inline void translation_added(VirtAddr) {}

/// Forgets all regions. If the page at `va` belongs to the current space, loads its region.
void flush_page(VirtAddr va, Asid);
/// Forgets all regions.
void flush_all();
inline void flush_space(Asid) {
  flush_all();
}

/// The processor fetches no instructions from pages that it does not execute.
constexpr bool code_is_read_ahead() {
  return false;
}

/// Instructions that this hart fetches from now on see all its earlier stores.
inline void synchronize_code() {
  asm volatile("fence.i" : : : "memory");
}

/// Bytes that cbo.zero clears, from the device tree's riscv,cboz-block-size; 0 if the harts have no
/// cbo.zero. Set once at boot, the same for all harts.
inline constinit std::size_t zero_block_size = 0;

/// The addresses are page-aligned.
void zero_page(void* page);
void copy_page(void* to, const void* from);

}  // namespace hal
