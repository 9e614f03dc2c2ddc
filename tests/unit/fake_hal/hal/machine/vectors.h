// A machine of unit tests has no vector registers.
#pragma once

#include <cstdint>

namespace hal::riscv64 {

enum class Vectors : std::uint8_t { none, usable, differ, refused };

inline Vectors vectors() {
  return Vectors::none;
}
inline unsigned bytes_of_vector_register() {
  return 0;
}

}  // namespace hal::riscv64
