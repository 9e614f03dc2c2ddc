// Where memory is: pages, physical and virtual addresses, and the line between programs and kernel.
//
// The machine fills in the numbers (<hal/machine/memory_map.h>, found by include path):
//   user_begin, user_end      programs may use [user_begin, user_end)
//   UserWindow                … or the part of it that one page table is for
//   spaces_can_be_copied      what fork needs of an MMU
//   user_bytes                no program has more than that
//   phys_to_virt(pa)          the kernel's own view of a physical address (the direct map)
//   virt_to_phys(pointer)     its inverse, for pointers into the direct map only
#pragma once

#include <cstddef>
#include <cstdint>

namespace hal {

using PhysAddr = std::uintptr_t;
using VirtAddr = std::uintptr_t;

inline constexpr std::size_t page_shift = 12;
inline constexpr std::size_t page_size = std::size_t{1} << page_shift;

constexpr std::uintptr_t page_down(std::uintptr_t address) {
  return address & ~(page_size - 1);
}
/// Wraps to 0 in the last page of the address space: check ranges first.
constexpr std::uintptr_t page_up(std::uintptr_t address) {
  return page_down(address + page_size - 1);
}
constexpr bool page_aligned(std::uintptr_t address) {
  return address % page_size == 0;
}

}  // namespace hal

#include <hal/machine/memory_map.h>  // IWYU pragma: export

namespace hal {

/// Whether [start, start + bytes) lies where programs may live; an empty range does if its start
/// does.
constexpr bool user_range(VirtAddr start, std::size_t bytes) {
  return start >= user_begin && start <= user_end && bytes <= user_end - start;
}
/// The same for one space.
constexpr bool lies_in(const UserWindow& window, VirtAddr start, std::size_t bytes) {
  return start >= window.begin() && start <= window.end() && bytes <= window.end() - start;
}
/// The same with what is in front of that, where nothing ever is.
constexpr bool below_end(const UserWindow& window, VirtAddr start, std::size_t bytes) {
  return start >= window.origin() && start <= window.end() && bytes <= window.end() - start;
}

}  // namespace hal
