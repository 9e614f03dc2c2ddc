// The layout of memory: pages, addresses, and the boundary between programs and the kernel.
//
// The machine supplies (<hal/machine/memory_map.h>, found by include path):
//   user_begin, user_end      programs use addresses in [user_begin, user_end)
//   UserRange                 the user range: the addresses that one page table can map
//   translates_addresses      false: a page has the address of its frame, and gets it when it is
//                             mapped
//   spaces_can_be_copied      whether a copied address space can keep its addresses (fork)
//   user_bytes                upper limit of one program's address space, in bytes
//   phys_to_virt(pa)          the address of a physical address in the direct map
//   virt_to_phys(pointer)     its inverse, only for pointers into the direct map
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
/// Rounds up to a multiple of page_size. The result wraps to 0 in the last page of the address
/// space: check ranges first.
constexpr std::uintptr_t page_up(std::uintptr_t address) {
  return page_down(address + page_size - 1);
}
constexpr bool page_aligned(std::uintptr_t address) {
  return address % page_size == 0;
}

}  // namespace hal

#include <hal/machine/memory_map.h>  // IWYU pragma: export

namespace hal {

/// Whether [start, start + bytes) lies between user_begin and user_end. For an empty range,
/// `start` alone decides.
constexpr bool user_range(VirtAddr start, std::size_t bytes) {
  return start >= user_begin && start <= user_end && bytes <= user_end - start;
}
/// Whether [start, start + bytes) lies in the user range `range`.
constexpr bool lies_in(const UserRange& range, VirtAddr start, std::size_t bytes) {
  return start >= range.begin() && start <= range.end() && bytes <= range.end() - start;
}
/// Like lies_in(), but `start` may also be in the unmapped pages before the user range begins.
constexpr bool below_end(const UserRange& range, VirtAddr start, std::size_t bytes) {
  return start >= range.origin() && start <= range.end() && bytes <= range.end() - start;
}

}  // namespace hal
