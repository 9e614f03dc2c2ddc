// Physical memory protection: the values of its registers (RISC-V privileged specification 1.12,
// section 3.7.1). A region takes two entries: the first one has its begin, and the second one its
// end and its rights ("top of range").
#pragma once

#include <hal/access.h>
#include <hal/memory_map.h>

#include <cstdint>

namespace hal::riscv64::pmp {

inline constexpr unsigned most_regions = 8;  // of 16 entries

/// The value of pmpaddr for an address: its bits 55 … 2.
constexpr std::uint64_t address_value(PhysAddr address) {
  return address >> 2;
}

/// The byte of pmpcfg for the entry with a region's end. R, W and X have the values of Access.
constexpr std::uint8_t config_byte(Access access) {
  constexpr std::uint8_t top_of_range = 1 << 3;
  return static_cast<std::uint8_t>(access) | top_of_range;
}

/// pmpcfg0 has the bytes of entries 0 … 7, and pmpcfg2 those of entries 8 … 15 (RV64). The position
/// of a region's byte in its register, in bits; the byte of the entry before it is 0.
constexpr unsigned config_shift(unsigned region) {
  return (2 * region + 1) % 8 * 8;
}

}  // namespace hal::riscv64::pmp
