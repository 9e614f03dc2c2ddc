// A reader for the tables by which the firmware describes a PC: processors, interrupt controllers
// and the registers that switch it off. It checks all lengths and checksums, and works in place.
// Format: Advanced Configuration and Power Interface Specification 6.5, chapter 5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hal::acpi {

/// The bytes of physical memory from `address` on: `bytes` of them, or none if they cannot be read.
using Memory = std::span<const std::byte> (*)(std::uint64_t address, std::size_t bytes);

/// A table, from its header on; its length and its checksum are right.
using Table = std::span<const std::byte>;

/// Four letters, and a null byte.
using Signature = std::array<char, 5>;

/// The tables to which the root system description pointer (RSDP) refers.
class Tables {
 public:
  /// Nothing if there is no valid RSDP at `rsdp`, or no valid root table.
  static std::optional<Tables> open(Memory memory, std::uint64_t rsdp);

  /// The first valid table with this signature of four letters; nothing if there is none.
  std::optional<Table> find(std::string_view signature) const;
  /// Calls `use(signature)` with four letters for each table that is not valid. Letters that cannot
  /// be printed are question marks.
  template <class Use>
  void for_each_damaged(Use&& use) const {
    for (std::size_t i = 0; i < count(); ++i) {
      if (const auto signature = damaged(i)) use(std::string_view{signature->data()});
    }
  }
  /// The table at `address`, if it is valid.
  std::optional<Table> table_at(std::uint64_t address) const;

 private:
  Tables(Memory memory, Table root, std::size_t entry_bytes)
      : memory_{memory}, root_{root}, entry_bytes_{entry_bytes} {}

  std::size_t count() const;
  std::uint64_t address_of(std::size_t entry) const;
  /// The signature of a table that is not valid.
  std::optional<Signature> damaged(std::size_t entry) const;

  Memory memory_;
  Table root_;
  std::size_t entry_bytes_;  // 4 in an RSDT, 8 in an XSDT
};

/// Looks for an RSDP in `area` at each multiple of 16. Returns its offset; nothing if there is
/// none.
std::optional<std::size_t> find_rsdp(std::span<const std::byte> area);

/// How an ISA interrupt is connected.
struct Override {
  std::uint32_t line;              ///< of the I/O APICs
  std::optional<bool> active_low;  ///< nothing: as on the bus of the device
};
inline constexpr std::size_t isa_interrupts = 16;

/// What the MADT says about interrupts.
struct Interrupts {
  static constexpr std::size_t most_processors = 1024, most_controllers = 16;

  struct Controller {
    std::uint64_t address;
    std::uint32_t first_line;
  };

  /// Local APICs of the processors that can be used, in the table's order.
  std::array<std::uint32_t, most_processors> apic_ids{};
  std::size_t processor_count = 0;  ///< the table may have more of them than the array
  std::array<Controller, most_controllers> controllers{};
  std::size_t controller_count = 0;
  /// By number of an ISA interrupt, if it differs from the bus's rule: the line of the I/O APICs
  /// with the same number, active high.
  std::array<std::optional<Override>, isa_interrupts> overrides{};

  std::span<const std::uint32_t> processors() const;
};

/// Reads the table "APIC". Entries with a wrong length end the reading.
void read_interrupts(Table madt, Interrupts& found);

/// Where the configuration registers of PCI functions are in memory (PCI Firmware
/// Specification 3.0, section 4.1.2): 1 MiB for each bus from 0 to `last_bus`.
struct ConfigArea {
  std::uint64_t address = 0;  ///< a multiple of 1 MiB; the area ends below 2^64
  std::uint8_t last_bus = 0;

  constexpr std::uint64_t bytes() const { return (std::uint64_t{last_bus} + 1) << 20; }
};

/// Reads the table "MCFG": the area of segment group 0, if it has bus 0.
std::optional<ConfigArea> read_config_area(Table mcfg);

/// How to switch the machine off: write (type << 10 | 1 << 13) to the port.
struct SoftOff {
  std::uint16_t port;
  std::uint8_t type;
};

/// Whether the PC may have a keyboard controller (the flag 8042 of the table "FACP", ACPI 5.2.9.3).
/// True for a table that is too old to have the flag.
bool may_have_keyboard_controller(Table fadt);

/// The address of the table "DSDT", which the table "FACP" has; nothing if it has none.
std::optional<std::uint64_t> address_of_dsdt(Table fadt);
/// Reads the port in the table "FACP" and the package `_S5_` in the table "DSDT". Nothing if one of
/// them is missing.
std::optional<SoftOff> read_soft_off(Table fadt, Table dsdt);

}  // namespace hal::acpi
