// Trap path `shared`: every address space has all of the kernel.
#pragma once

#include <hal/page_table.h>

namespace hal {

inline constexpr VirtAddr programs_see_from = kernel_offset;

inline bool map_gate_code(PageTable&) {
  return true;
}  // the kernel's own code does

}  // namespace hal
