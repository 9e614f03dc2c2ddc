// The trampoline region. On the trap path `trampoline` it is the only part of
// the kernel in a program's page table. It holds the code that switches address spaces and the
// saved registers of programs. Programs have no access to its pages.
#pragma once

#include <hal/memory_map.h>

namespace hal {

/// The first page of the region is the code. It has this address in every address space.
inline constexpr VirtAddr trampoline_base = 0xffff'ffff'c000'0000;
inline constexpr VirtAddr trampoline_data = trampoline_base + (std::size_t{1} << 21);
inline constexpr VirtAddr trampoline_end = trampoline_base + (std::size_t{1} << 30) - page_size;

}  // namespace hal
