// riscv64: device registers are memory-mapped.
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

}  // namespace hal
