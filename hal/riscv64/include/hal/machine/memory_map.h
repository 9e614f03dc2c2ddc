// Sv39: virtual addresses have 39 bits. The lower half is for programs, the upper half for the
// kernel.
//
//   0xffffffc000000000 + pa    the direct map: all RAM and devices at a constant offset
//   0xffffffc080200000         the kernel image, at its load address in the direct map
//   0xffffffff80000000         kernel stacks, with unmapped guard pages (hal/kernel_map.h)
//   0xffffffffc0000000         the trampoline region (hal/trampoline.h)
//   0x0000003fffffe000         two unused pages, above the programs' stacks
//   0x0000000000001000         the first address for programs: null pointers fault
#pragma once

#include <hal/lower_half.h>

#include <cstddef>

namespace hal {

inline constexpr bool translates_addresses = true;
/// Two address spaces may use the same addresses, so a copy can keep them.
inline constexpr bool spaces_can_be_copied = true;
inline constexpr VirtAddr kernel_offset = 0xffff'ffc0'0000'0000;

/// Where kernel stacks are mapped.
inline constexpr VirtAddr kernel_stacks_begin = 0xffff'ffff'8000'0000;
inline constexpr VirtAddr kernel_stacks_end = kernel_stacks_begin + (std::size_t{1} << 30);

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa + kernel_offset);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer) - kernel_offset;
}

}  // namespace hal
