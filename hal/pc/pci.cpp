#include "pci.h"

#include <hal/memory_map.h>

#include <array>
#include <bitset>

namespace hal::pc::pci {
namespace {

constexpr std::uint16_t has_capabilities = 1 << 4;  // of the status register
constexpr unsigned header_bytes = 0x40;             // capabilities are behind it
constexpr unsigned bar_count = 6;

constexpr std::uint64_t lowest_address = std::uint64_t{1}
                                         << 20;  // below it are the first PCs' areas
constexpr std::uint64_t end_of_direct_map = std::uint64_t{1} << 46;

}  // namespace

void Function::change_command(std::uint16_t set, std::uint16_t clear) const {
  const auto before = read<std::uint16_t>(config::command);
  // The upper half is the status register, whose bits a 0 does not change.
  write(config::command, static_cast<std::uint16_t>((before & ~clear) | set));
}

std::expected<MemoryRange, Trouble> Function::bar(unsigned index) const {
  constexpr std::uint32_t is_io = 1, flags = 0xf, type = 6, type_32 = 0, type_64 = 4;
  if (index >= bar_count) return std::unexpected("the number of its BAR is wrong");
  const unsigned at = config::first_bar + 4 * index;
  const auto low = read<std::uint32_t>(at);
  if ((low & is_io) != 0) return std::unexpected("its BAR selects I/O ports");
  const bool is_64 = (low & type) == type_64;
  if (!is_64 && (low & type) != type_32) return std::unexpected("its BAR has an unknown type");
  if (is_64 && index + 1 == bar_count) return std::unexpected("its BAR has no upper half");
  const auto high = is_64 ? read<std::uint32_t>(at + 4) : 0;

  // The bits that keep 0 when ones are written are the size's. A BAR of 32 bits has no upper ones.
  const auto command = read<std::uint16_t>(config::command);
  change_command(0, command::memory);
  constexpr std::uint32_t ones = ~std::uint32_t{0};
  write(at, ones);
  const auto low_mask = read<std::uint32_t>(at) & ~flags;
  write(at, low);
  std::uint32_t high_mask = low_mask != 0 ? ones : 0;
  if (is_64) {
    write(at + 4, ones);
    high_mask = read<std::uint32_t>(at + 4);
    write(at + 4, high);
  }
  change_command(command & command::memory, 0);

  const std::uint64_t mask = std::uint64_t{high_mask} << 32 | low_mask;
  const std::uint64_t address = std::uint64_t{high} << 32 | (low & ~flags);
  const std::uint64_t size = mask & -mask;
  if (size == 0) return std::unexpected("its BAR has no size");
  if (mask != -size) return std::unexpected("the size of its BAR is no power of two");
  if (address == 0) return std::unexpected("its BAR has no address");
  if (address < lowest_address || address >= end_of_direct_map ||
      size > end_of_direct_map - address)
    return std::unexpected("its BAR is outside of the memory that the kernel can map");
  return MemoryRange{address, size};
}

unsigned Function::first_capability() const {
  if ((read<std::uint16_t>(config::status) & has_capabilities) == 0) return 0;
  return pointer_at(config::capabilities);
}

unsigned Function::pointer_at(unsigned offset) const {
  const unsigned pointer = read<std::uint8_t>(offset) & ~3U;
  return pointer >= header_bytes ? pointer : 0;
}

std::expected<unsigned, Trouble> Function::root_pin() const {
  const auto pin = read<std::uint8_t>(config::interrupt_pin);
  if (pin == 0 || pin > 4) return std::unexpected("it has no interrupt");
  return (pin - 1 + rotation_) % 4;
}

std::size_t list_functions(ConfigSpace& space, std::span<Function> found) {
  constexpr unsigned buses = 256, devices_of_bus = 32, functions_of_device = 8;
  constexpr std::uint8_t has_functions = 1 << 7, header = 0x7f, bridge = 1;
  struct Bus {
    std::uint8_t number;
    unsigned root_device;
    unsigned rotation;  // of the bridge's own pins
  };
  static constinit std::array<Bus, buses> queue{};
  std::size_t count = 0, first = 0, end = 0;
  std::bitset<buses> seen;  // two bridges may claim the same bus
  queue[end++] = {0, 0, 0};
  seen.set(0);
  for (; first != end; ++first) {
    const Bus bus = queue[first];
    for (unsigned device = 0; device < devices_of_bus; ++device) {
      // A bridge connects pin p of device d behind it to its own pin (p + d) mod 4 (PCI-to-PCI
      // Bridge Architecture Specification 1.2, section 9.1).
      const unsigned root_device = bus.number == 0 ? device : bus.root_device;
      const unsigned rotation = bus.number == 0 ? 0 : (bus.rotation + device) % 4;
      unsigned functions = 1;
      for (unsigned number = 0; number < functions; ++number) {
        const Address address{bus.number, static_cast<std::uint8_t>(device),
                              static_cast<std::uint8_t>(number)};
        const Function function{space, address, root_device, rotation};
        if (!function.exists()) continue;
        if (count == found.size()) return count;
        found[count++] = function;
        const auto kind = function.read<std::uint8_t>(config::header_type);
        if (number == 0 && (kind & has_functions) != 0) functions = functions_of_device;
        const auto behind = function.read<std::uint8_t>(config::secondary_bus);
        if ((kind & header) != bridge || seen[behind]) continue;
        seen.set(behind);
        queue[end++] = {behind, root_device, rotation};
      }
    }
  }
  return count;
}

Chipset chipset_of(std::uint16_t vendor, std::uint16_t device) {
  constexpr std::uint16_t intel = 0x8086, piix3 = 0x7000, piix4 = 0x7110, ich9 = 0x2918;
  if (vendor != intel) return Chipset::unknown;
  if (device == piix3 || device == piix4) return Chipset::piix;
  return device == ich9 ? Chipset::ich9 : Chipset::unknown;
}

}  // namespace hal::pc::pci
