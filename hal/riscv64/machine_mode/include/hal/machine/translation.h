// A machine without translation whose kernel runs in machine mode: physical memory protection (PMP)
// takes the place of page tables. A hart's entries are like a TLB that the kernel fills: a
// program's first access to a region faults, and the fault handler loads the region (pmp.cpp).
#pragma once

#include <hal/machine/page_contents.h>
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

/// From now on programs on this hart may access the regions of this space.
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

}  // namespace hal
