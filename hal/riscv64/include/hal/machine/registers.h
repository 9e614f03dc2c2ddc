// riscv64: device registers are memory-mapped. The fences order memory (r, w) and device registers
// (i, o).
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
  asm volatile("fence rw, o" ::: "memory");
}
inline void fence_after_device() {
  asm volatile("fence i, rw" ::: "memory");
}

}  // namespace hal
