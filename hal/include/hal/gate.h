// The gate: the part of the kernel's half that a program's page table has even where it has nothing
// else of the kernel (trap path `trampoline`). It holds the code that changes spaces and the
// programs' saved registers; no page of it is the program's to touch.
#pragma once

#include <hal/memory_map.h>

namespace hal {

/// The code is the first page, at the same address in every space.
inline constexpr VirtAddr gate_base = 0xffff'ffff'c000'0000;
inline constexpr VirtAddr gate_data = gate_base + (std::size_t{1} << 21);
inline constexpr VirtAddr gate_end = gate_base + (std::size_t{1} << 30) - page_size;

/// Puts a page of data into the gate, in all spaces. False when there is no memory for its table.
bool map_gate_page(VirtAddr va, PhysAddr page);

}  // namespace hal
