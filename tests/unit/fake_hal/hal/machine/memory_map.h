// A machine for host tests. Its RAM is an array; programs' addresses are those of Sv39.
#pragma once

#include <hal/lower_half.h>

#include <cstddef>
#include <cstdint>

namespace hal {

inline constexpr bool translates_addresses = true;

namespace fake {

inline constexpr PhysAddr ram_base = 0x8000'0000;
inline constexpr std::size_t ram_bytes = 64 << 20;
/// The RAM's array. It is aligned to 2 MiB, as `ram_base` is.
extern std::byte* const ram;

}  // namespace fake

// Pointers outside the array have physical addresses, too: devices access coroutine frames, which
// are on the host's heap.

template <class T = std::byte>
T* phys_to_virt(PhysAddr pa) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(fake::ram) + (pa - fake::ram_base));
}

inline PhysAddr virt_to_phys(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(fake::ram) +
         fake::ram_base;
}

}  // namespace hal
