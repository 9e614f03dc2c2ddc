// Sv39: 39 bits of virtual address, the lower half for programs, the upper half for the kernel.
//
//   0xffffffc000000000 + pa    all of RAM and every device, at a constant distance (the direct map)
//   0xffffffc080200000         the kernel image, inside the direct map where it was loaded
//   0xffffffff80000000         kernel stacks, a page between them never mapped (hal/kernel_map.h)
//   0xffffffffc0000000         the gate, which the trampoline path goes through (hal/gate.h)
//   0x0000003fffffe000         two pages that nobody uses, above the programs' stacks
//   0x0000000000001000         first address a program may use: null pointers fault
#pragma once

#include <hal/machine/own_window.h>

#include <cstddef>

namespace hal {

/// A space may have the addresses of another one.
inline constexpr bool spaces_can_be_copied = true;
inline constexpr VirtAddr kernel_offset = 0xffff'ffc0'0000'0000;

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa + kernel_offset);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer) - kernel_offset;
}

}  // namespace hal
