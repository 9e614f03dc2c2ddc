// No translation: programs and the kernel use physical addresses.
//
//   0x80000000        the firmware
//   0x80200000        the kernel image
//   the rest of RAM   the kernel's frames, and the areas of programs
//
// Nothing but physical memory protection separates them, and a supervisor has none.
#pragma once

#include <hal/memory_map.h>

#include <cstddef>

namespace hal {

inline constexpr bool translates_addresses = false;
/// A copy would need other addresses, but pointers in it would keep theirs.
inline constexpr bool spaces_can_be_copied = false;
inline constexpr VirtAddr kernel_offset = 0;

/// The first 256 GiB, as on machines with Sv39.
inline constexpr VirtAddr user_begin = page_size;
inline constexpr VirtAddr user_end = VirtAddr{1} << 38;
inline constexpr std::size_t user_bytes = user_end;

/// A program may have any of these addresses: those of its pages are its own.
struct UserRange {
  static constexpr VirtAddr origin() { return 0; }
  static constexpr VirtAddr begin() { return user_begin; }
  static constexpr VirtAddr end() { return user_end; }
  static constexpr bool may_have(VirtAddr va) { return va < user_end; }
};

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(pa);
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<VirtAddr>(pointer);
}

}  // namespace hal
