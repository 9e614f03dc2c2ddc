// Trap path `trampoline`: the kernel has its own address space. Programs' page tables map only the
// trampoline region of it.
#pragma once

#include <hal/kernel_map.h>
#include <hal/page_table.h>
#include <hal/trampoline.h>

#include <expected>

extern "C" const char kernel_trampoline[];  // kernel.ld: the page of trampoline code

namespace hal {

inline constexpr VirtAddr programs_see_from = trampoline_base;

inline std::expected<void, KernelMapError> map_trampoline_code(PageTable& table) {
  const auto mapped = table.map_kernel(trampoline_base, virt_to_phys(kernel_trampoline), page_size,
                                       Access::read | Access::execute);
  if (mapped) return {};
  return std::unexpected(
      KernelMapError{mapped.error(), trampoline_base, trampoline_base + page_size});
}

}  // namespace hal
