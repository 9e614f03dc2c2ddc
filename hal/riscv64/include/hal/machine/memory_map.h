// Sv39: 39 bits of virtual address, the lower half for programs, the upper half for the kernel.
//
//   0xffffffc000000000 + pa    all of RAM and every device, at a constant distance (the direct map)
//   0xffffffc080200000         the kernel image, inside the direct map where it was loaded
//   0xffffffff80000000         kernel stacks, a page between them never mapped (hal/kernel_map.h)
//   0xffffffffc0000000         the gate, which the trampoline path goes through (hal/gate.h)
//   0x0000003fffffe000         two pages that nobody uses, above the programs' stacks
//   0x0000000000001000         first address a program may use: null pointers fault
#pragma once

#include <hal/memory_map.h>

#include <optional>

namespace hal {

inline constexpr VirtAddr user_begin = page_size;
inline constexpr VirtAddr lower_half_end = 0x40'0000'0000;
inline constexpr VirtAddr user_end = lower_half_end - 2 * page_size;
inline constexpr std::size_t user_bytes = user_end;
/// A space may have the addresses of another one.
inline constexpr bool spaces_can_be_copied = true;
inline constexpr VirtAddr kernel_offset = 0xffff'ffc0'0000'0000;

/// The addresses that one page table is for, as programs see them: each space has all of them to
/// itself.
struct UserWindow {
  static constexpr VirtAddr origin() { return 0; }  ///< programs are laid out from here
  static constexpr VirtAddr begin() { return user_begin; }
  static constexpr VirtAddr end() { return user_end; }
  /// What only a walk of the table has to know: below the begin there never is a page.
  static constexpr bool may_have(VirtAddr va) { return va < user_end; }

  /// One for a new table; nothing when there is none left.
  static constexpr std::optional<UserWindow> take(PhysAddr) { return UserWindow{}; }
  static constexpr void give_back() {}
};

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa + kernel_offset);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer) - kernel_offset;
}

}  // namespace hal
