// PCI functions by their configuration registers: the walk over the buses, base address registers
// (BARs), capabilities (PCI Local Bus Specification 3.0, chapter 6), and interrupt pins.
//
// A device's registers may hold anything. No function here loops for ever, or returns a range that
// the device does not have.
#pragma once

#include <hal/boot.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace hal::pc::pci {

struct Address {
  std::uint8_t bus = 0;
  std::uint8_t device = 0;    ///< below 32
  std::uint8_t function = 0;  ///< below 8

  bool operator==(const Address&) const = default;
};

/// The configuration registers of all functions. `offset`: a multiple of 4 below 256. A function
/// that does not exist reads as all ones.
class ConfigSpace {
 public:
  virtual std::uint32_t read(Address at, unsigned offset) = 0;
  virtual void write(Address at, unsigned offset, std::uint32_t value) = 0;

 protected:
  ~ConfigSpace() = default;
};

/// The offsets of registers (6.1; 6.2.2 to 6.2.5).
namespace config {
inline constexpr unsigned vendor = 0x00, device = 0x02, command = 0x04, status = 0x06;
inline constexpr unsigned header_type = 0x0e, first_bar = 0x10, secondary_bus = 0x19;
inline constexpr unsigned subsystem = 0x2e, capabilities = 0x34;
inline constexpr unsigned interrupt_line = 0x3c, interrupt_pin = 0x3d;
}  // namespace config

/// Bits of the command register (6.2.2).
namespace command {
inline constexpr std::uint16_t memory = 1 << 1, bus_master = 1 << 2, no_interrupt = 1 << 10;
}  // namespace command

/// The identifiers of capabilities.
namespace capability {
inline constexpr std::uint8_t vendor_specific = 0x09, msi_x = 0x11;
}  // namespace capability

/// What is wrong with a function, for a message.
using Trouble = std::string_view;

class Function {
 public:
  Function() = default;
  Function(ConfigSpace& space, Address address) : Function{space, address, address.device, 0} {}
  /// Behind bridges: the device on bus 0 that leads to the function, and the number by which the
  /// bridges rotate its interrupt pins.
  Function(ConfigSpace& space, Address address, unsigned root_device, unsigned rotation)
      : space_{&space}, address_{address}, root_device_{root_device}, rotation_{rotation} {}

  Address address() const { return address_; }

  /// `offset`: a multiple of the number's size; the end is at most 256.
  template <std::unsigned_integral Number>
  Number read(unsigned offset) const {
    static_assert(sizeof(Number) <= 4);
    return static_cast<Number>(space_->read(address_, offset & ~3U) >> 8 * (offset & 3U));
  }
  void write(unsigned offset, std::uint32_t value) const { space_->write(address_, offset, value); }

  bool exists() const { return read<std::uint16_t>(config::vendor) != 0xffff; }
  /// Sets and clears bits of the command register.
  void change_command(std::uint16_t set, std::uint16_t clear) const;

  /// The physical memory that the BAR `index` selects: not empty, and in the direct map. The
  /// firmware has assigned it. During the call the function does not respond to accesses there.
  std::expected<MemoryRange, Trouble> bar(unsigned index) const;

  /// Calls use(offset) for each capability `id`.
  template <class Use>
  void for_each_capability(std::uint8_t id, Use&& use) const {
    for (unsigned at = first_capability(), i = 0; at != 0 && i < most_capabilities; ++i) {
      if (read<std::uint8_t>(at) == id) use(at);
      at = pointer_at(at + 1);
    }
  }

  /// The interrupt pin on bus 0 that the function asserts: 0 is INTA#, 3 is INTD#.
  std::expected<unsigned, Trouble> root_pin() const;
  /// The device on bus 0 whose pin it is.
  unsigned root_device() const { return root_device_; }

 private:
  static constexpr unsigned most_capabilities = 48;  // of 4 bytes, from 0x40 to 0xff

  unsigned first_capability() const;
  unsigned pointer_at(unsigned offset) const;

  ConfigSpace* space_ = nullptr;
  Address address_;
  unsigned root_device_ = 0;
  unsigned rotation_ = 0;
};

/// Finds the functions on bus 0 and behind its bridges, as far as there is room. Returns their
/// number.
std::size_t list_functions(ConfigSpace& space, std::span<Function> found);

/// Chipsets of which the kernel knows how they connect interrupt pins to I/O APICs.
enum class Chipset : std::uint8_t { unknown, piix, ich9 };
/// The chipset to which a bridge to ISA with these identifiers belongs; else unknown.
Chipset chipset_of(std::uint16_t vendor, std::uint16_t device);

/// The line of the I/O APIC to which ICH9 connects a pin on bus 0, with the routing that its
/// registers have after a reset (Intel, I/O Controller Hub 9, sections 5.9 and 10.1; for devices
/// below 25, which a real one does not have, QEMU, hw/isa/lpc_ich9.c).
constexpr unsigned ich9_line(unsigned root_device, unsigned root_pin) {
  constexpr unsigned line_of_pirq_a = 16, line_of_pirq_e = 20;
  if (root_device == 30) return line_of_pirq_e + root_pin;
  if (root_device >= 25) return line_of_pirq_a + root_pin;
  return line_of_pirq_e + (root_device + root_pin) % 4;
}

}  // namespace hal::pc::pci
