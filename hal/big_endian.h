// Loads the device tree's big-endian numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hal {

/// The number at `at`. The caller has checked that its 4 bytes exist (load64: 8).
inline std::uint32_t load32(const std::byte* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}
inline std::uint64_t load64(const std::byte* at) {
  return std::uint64_t{load32(at)} << 32 | load32(at + 4);
}

}  // namespace hal
