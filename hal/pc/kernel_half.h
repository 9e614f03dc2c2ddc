// Every address space maps the whole kernel.
#pragma once

#include <hal/kernel_map.h>
#include <hal/page_table.h>

#include <expected>

namespace hal {

inline constexpr VirtAddr programs_see_from = kernel_offset;

/// Nothing to map: the kernel's code is mapped in all spaces.
inline std::expected<void, KernelMapError> map_trampoline_code(PageTable&) {
  return {};
}

}  // namespace hal
