// An interrupt that a PCI device sends as a write to memory: an entry of its MSI-X table (PCI Local
// Bus Specification 3.0, section 6.8.2), and what a local APIC understands (Intel SDM, volume 3,
// "Message Signalled Interrupts").
#pragma once

#include <cstddef>
#include <cstdint>

namespace hal::pc {

struct Message {
  std::uint8_t vector = 0;       ///< data, bits 0 to 7
  std::uint8_t delivery = 0;     ///< data, bits 8 to 10; 0: "fixed", to the vector
  bool level_triggered = false;  ///< data, bit 15
  std::uint8_t apic_id = 0;      ///< address, bits 12 to 19
  bool to_one_of_many = false;   ///< address, bit 3, redirection hint
  bool logical = false;          ///< address, bit 2, destination mode

  /// The upper half of the address is 0.
  constexpr std::uint32_t address() const {
    return 0xfee0'0000 | std::uint32_t{apic_id} << 12 | std::uint32_t{to_one_of_many} << 3 |
           std::uint32_t{logical} << 2;
  }
  constexpr std::uint32_t data() const {
    return std::uint32_t{vector} | (std::uint32_t{delivery} & 7) << 8 |
           std::uint32_t{level_triggered} << 15;
  }
};

/// The offsets of the fields of an entry, which have 32 bits.
namespace message_entry {
inline constexpr std::size_t address = 0, upper_address = 4, data = 8, control = 12, bytes = 16;
/// A bit of `control`: the device remembers the message, and sends it when the bit is cleared.
inline constexpr std::uint32_t masked = 1 << 0;
}  // namespace message_entry

}  // namespace hal::pc
