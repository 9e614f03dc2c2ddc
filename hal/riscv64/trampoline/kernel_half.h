// Trap path `trampoline`: programs' page tables have only the gate, the kernel has a space of its
// own.
#pragma once

#include <hal/gate.h>
#include <hal/page_table.h>

extern "C" const char kernel_trampoline[];  // kernel.ld: a page of code

namespace hal {

inline constexpr VirtAddr programs_see_from = gate_base;

inline bool map_gate_code(PageTable& table) {
  return table.map_kernel(gate_base, virt_to_phys(kernel_trampoline), page_size,
                          Access::read | Access::execute);
}

}  // namespace hal
