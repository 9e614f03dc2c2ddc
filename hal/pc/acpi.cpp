#include "acpi.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace hal::acpi {
namespace {

/// The little-endian number at `offset`; 0 past the end.
template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t offset) {
  Number number = 0;
  if (offset <= bytes.size() && sizeof number <= bytes.size() - offset)
    std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

bool sums_to_zero(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  return sum % 256 == 0;
}

constexpr std::size_t header_bytes = 36;
constexpr std::size_t length_at = 4;
constexpr std::size_t most_bytes = std::size_t{1} << 20;  // of one table; larger ones are wrong

std::optional<Table> valid_table(Memory memory, std::uint64_t address) {
  const auto header = memory(address, header_bytes);
  if (header.empty()) return std::nullopt;
  const std::size_t length = number_at<std::uint32_t>(header, length_at);
  if (length < header_bytes || length > most_bytes) return std::nullopt;
  const auto table = memory(address, length);
  if (table.empty() || !sums_to_zero(table)) return std::nullopt;
  return table;
}

// The root system description pointer.
constexpr std::string_view rsdp_signature = "RSD PTR ";
constexpr std::size_t rsdp_bytes_1 = 20, rsdp_bytes_2 = 36;  // by revision
constexpr std::size_t rsdp_revision = 15, rsdp_rsdt = 16, rsdp_xsdt = 24;

}  // namespace

std::optional<std::size_t> find_rsdp(std::span<const std::byte> area) {
  for (std::size_t at = 0; at + rsdp_bytes_1 <= area.size(); at += 16) {
    const auto here = area.subspan(at);
    if (begins_with(here, rsdp_signature) && sums_to_zero(here.first(rsdp_bytes_1))) return at;
  }
  return std::nullopt;
}

std::optional<Tables> Tables::open(Memory memory, std::uint64_t rsdp) {
  const auto first = memory(rsdp, rsdp_bytes_1);
  if (!begins_with(first, rsdp_signature) || !sums_to_zero(first)) return std::nullopt;
  if (number_at<std::uint8_t>(first, rsdp_revision) >= 2) {
    const auto all = memory(rsdp, rsdp_bytes_2);
    if (!all.empty() && sums_to_zero(all)) {
      const auto xsdt = valid_table(memory, number_at<std::uint64_t>(all, rsdp_xsdt));
      if (xsdt && begins_with(*xsdt, "XSDT")) return Tables{memory, *xsdt, 8};
    }
  }
  const auto rsdt = valid_table(memory, number_at<std::uint32_t>(first, rsdp_rsdt));
  if (!rsdt || !begins_with(*rsdt, "RSDT")) return std::nullopt;
  return Tables{memory, *rsdt, 4};
}

std::optional<Table> Tables::table_at(std::uint64_t address) const {
  return valid_table(memory_, address);
}

std::size_t Tables::count() const {
  return (root_.size() - header_bytes) / entry_bytes_;
}

std::uint64_t Tables::address_of(std::size_t entry) const {
  const std::size_t at = header_bytes + entry * entry_bytes_;
  return entry_bytes_ == 8 ? number_at<std::uint64_t>(root_, at)
                           : number_at<std::uint32_t>(root_, at);
}

std::optional<Table> Tables::find(std::string_view signature) const {
  for (std::size_t i = 0; i < count(); ++i) {
    const std::uint64_t address = address_of(i);
    if (!begins_with(memory_(address, signature.size()), signature)) continue;
    if (const auto table = valid_table(memory_, address)) return table;
  }
  return std::nullopt;
}

std::optional<Signature> Tables::damaged(std::size_t entry) const {
  const std::uint64_t address = address_of(entry);
  if (valid_table(memory_, address)) return std::nullopt;
  Signature signature{"????"};
  const auto letters = memory_(address, signature.size() - 1);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto letter = std::to_integer<char>(letters[i]);
    if (letter > ' ' && letter <= '~') signature[i] = letter;
  }
  return signature;
}

// ── Multiple APIC description table ──────────────────────────────────────────────────────────────

namespace {

enum class Kind : std::uint8_t { local_apic = 0, io_apic = 1, override = 2, local_x2apic = 9 };

constexpr std::uint32_t is_enabled = 1 << 0;

void add_processor(Interrupts& found, std::uint32_t apic_id, std::uint32_t flags) {
  if ((flags & is_enabled) == 0 || apic_id == ~std::uint32_t{0}) return;
  if (found.processor_count < found.apic_ids.size()) {
    const auto known = found.processors();
    if (std::ranges::find(known, apic_id) != known.end()) return;  // both kinds of entry
    found.apic_ids[found.processor_count] = apic_id;
  }
  ++found.processor_count;
}

void add_override(Interrupts& found, std::span<const std::byte> entry) {
  const auto source = number_at<std::uint8_t>(entry, 3);
  if (source >= found.overrides.size()) return;
  // Flags, bits 0 and 1: 0 conforms to the bus, 1 is active high, 3 is active low.
  const auto polarity = number_at<std::uint16_t>(entry, 8) & 3U;
  found.overrides[source] = {.line = number_at<std::uint32_t>(entry, 4),
                             .active_low = polarity == 1   ? std::optional{false}
                                           : polarity == 3 ? std::optional{true}
                                                           : std::nullopt};
}

void add_entry(Interrupts& found, Kind kind, std::span<const std::byte> entry) {
  switch (kind) {
    case Kind::local_apic:
      return add_processor(found, number_at<std::uint8_t>(entry, 3),
                           number_at<std::uint32_t>(entry, 4));
    case Kind::local_x2apic:
      return add_processor(found, number_at<std::uint32_t>(entry, 4),
                           number_at<std::uint32_t>(entry, 8));
    case Kind::io_apic:
      if (found.controller_count < found.controllers.size()) {
        found.controllers[found.controller_count++] = {
            .address = number_at<std::uint32_t>(entry, 4),
            .first_line = number_at<std::uint32_t>(entry, 8)};
      }
      return;
    case Kind::override: return add_override(found, entry);
  }
}

}  // namespace

std::span<const std::uint32_t> Interrupts::processors() const {
  return std::span(apic_ids).first(std::min(processor_count, apic_ids.size()));
}

void read_interrupts(Table madt, Interrupts& found) {
  constexpr std::size_t entries_at = 44;
  for (std::size_t at = entries_at; at + 2 <= madt.size();) {
    const auto length = number_at<std::uint8_t>(madt, at + 1);
    if (length < 2 || length > madt.size() - at) return;
    add_entry(found, Kind{number_at<std::uint8_t>(madt, at)}, madt.subspan(at, length));
    at += length;
  }
}

// ── PCI ──────────────────────────────────────────────────────────────────────────────────────────

std::optional<ConfigArea> read_config_area(Table mcfg) {
  constexpr std::size_t entries_at = 44, entry_bytes = 16;
  constexpr std::uint64_t alignment = std::uint64_t{1} << 20;
  for (std::size_t at = entries_at; at + entry_bytes <= mcfg.size(); at += entry_bytes) {
    const auto segment = number_at<std::uint16_t>(mcfg, at + 8);
    const auto first_bus = number_at<std::uint8_t>(mcfg, at + 10);
    if (segment != 0 || first_bus != 0) continue;
    const ConfigArea area{.address = number_at<std::uint64_t>(mcfg, at),
                          .last_bus = number_at<std::uint8_t>(mcfg, at + 11)};
    if (area.address == 0 || area.address % alignment != 0 ||
        area.address > ~std::uint64_t{0} - area.bytes())
      return std::nullopt;
    return area;
  }
  return std::nullopt;
}

// ── Keyboard controller ──────────────────────────────────────────────────────────────────────────

bool may_have_keyboard_controller(Table fadt) {
  constexpr std::size_t revision_at = 8, boot_flags_at = 109;
  constexpr std::uint8_t first_with_flags = 3;  // since ACPI 2.0
  constexpr std::uint16_t has_controller = 1 << 1;
  if (number_at<std::uint8_t>(fadt, revision_at) < first_with_flags) return true;
  return (number_at<std::uint16_t>(fadt, boot_flags_at) & has_controller) != 0;
}

// ── Power ────────────────────────────────────────────────────────────────────────────────────────

std::optional<std::uint64_t> address_of_dsdt(Table fadt) {
  constexpr std::size_t dsdt_at = 40, long_dsdt_at = 140;
  const auto address = number_at<std::uint64_t>(fadt, long_dsdt_at);
  const std::uint64_t found = address != 0 ? address : number_at<std::uint32_t>(fadt, dsdt_at);
  return found != 0 ? std::optional{found} : std::nullopt;
}

std::optional<SoftOff> read_soft_off(Table fadt, Table dsdt) {
  constexpr std::size_t control_port_at = 64;
  const auto port = number_at<std::uint32_t>(fadt, control_port_at);
  if (port == 0 || port > 0xffff) return std::nullopt;
  // `Name (_S5_, Package () { type, … })` in ACPI machine language: the name, the operator of a
  // package, its length of one byte, the number of elements, and the first element, which is a
  // constant 0 or 1, or a byte after its prefix.
  constexpr std::uint8_t package = 0x12, byte_prefix = 0x0a;
  for (std::size_t at = header_bytes; at + 9 <= dsdt.size(); ++at) {
    const auto here = dsdt.subspan(at);
    if (!begins_with(here, "_S5_") || number_at<std::uint8_t>(here, 4) != package) continue;
    const auto first = number_at<std::uint8_t>(here, 7);
    const auto type = first == byte_prefix ? number_at<std::uint8_t>(here, 8) : first;
    if (type > 7) continue;
    return SoftOff{.port = static_cast<std::uint16_t>(port), .type = type};
  }
  return std::nullopt;
}

}  // namespace hal::acpi
