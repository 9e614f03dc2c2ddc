// Trap path `shared`: every address space has all of the kernel.
#pragma once

#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <expected>

namespace hal {

inline constexpr VirtAddr programs_see_from = kernel_offset;

/// The kernel's own code is the gate's.
inline std::expected<void, KernelMapError> map_gate_code(PageTable&) {
  return {};
}

}  // namespace hal
