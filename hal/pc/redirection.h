// A redirection entry of an I/O APIC: what happens when one of its lines is asserted (Intel,
// 82093AA I/O Advanced Programmable Interrupt Controller, section 3.2.4).
//
// The entry has 64 bits, and the program reads and writes it as two registers of 32 bits.
#pragma once

#include <cstdint>

namespace hal::pc {

struct Redirection {
  std::uint8_t vector = 0;       ///< bits 0 to 7
  std::uint8_t delivery = 0;     ///< bits 8 to 10; 0: "fixed", to the vector
  bool logical = false;          ///< bit 11, destination mode; false: `apic_id` is one APIC
  bool active_low = false;       ///< bit 13, polarity of the line
  bool level_triggered = false;  ///< bit 15, trigger mode; false: edges
  bool masked = true;            ///< bit 16
  std::uint8_t apic_id = 0;      ///< bits 56 to 63

  constexpr std::uint32_t low() const {
    return std::uint32_t{vector} | (std::uint32_t{delivery} & 7) << 8 |
           std::uint32_t{logical} << 11 | std::uint32_t{active_low} << 13 |
           std::uint32_t{level_triggered} << 15 | std::uint32_t{masked} << 16;
  }
  constexpr std::uint32_t high() const { return std::uint32_t{apic_id} << 24; }
};

/// The numbers of the two registers of the entry for input `line`. The window is selected by the
/// number, and then read or written (section 3.0).
constexpr std::uint32_t low_register(unsigned line) {
  return 0x10 + 2 * line;
}
constexpr std::uint32_t high_register(unsigned line) {
  return low_register(line) + 1;
}

}  // namespace hal::pc
