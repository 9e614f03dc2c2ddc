// pc: device registers are memory-mapped, or are ports (ports.h). Pages of devices are uncached, so
// the processor keeps the order of accesses to them, and stores to memory come before later ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hal {

template <class Register>
Register read_register(std::uintptr_t base, std::size_t offset) {
  return *reinterpret_cast<volatile Register*>(base + offset);
}
template <class Register>
void write_register(std::uintptr_t base, std::size_t offset, Register value) {
  *reinterpret_cast<volatile Register*>(base + offset) = value;
}

inline void fence_before_device() {
  asm volatile("mfence" ::: "memory");
}
inline void fence_after_device() {
  asm volatile("lfence" ::: "memory");
}

}  // namespace hal
