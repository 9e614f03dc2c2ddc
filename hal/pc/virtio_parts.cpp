#include "virtio_parts.h"

#include <algorithm>
#include <optional>

#include "message.h"

namespace hal::pc {
namespace {

using pci::Trouble;

// The fields of a capability (4.1.4).
constexpr unsigned length_at = 2, type_at = 3, bar_at = 4, offset_at = 8, part_length_at = 12;
constexpr unsigned multiplier_at = 16;
constexpr unsigned bytes_of_part = 16, bytes_of_notify_part = 20;
constexpr unsigned config_bytes = 256;

enum class Type : std::uint8_t { common = 1, notify = 2, isr = 3, device = 4 };

constexpr std::size_t common_bytes = 0x38;  // 4.1.4.3, without the fields of later versions
/// More registers than this are not mapped.
constexpr std::size_t most_bytes = 64 << 10;

struct Part {
  unsigned bar = 0;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

/// The first part of each type, unless its BAR has a reserved number (4.1.4.1).
struct Parts {
  std::optional<Part> common, notify, isr, device;
  std::uint32_t multiplier = 0;
};

void add_part(Parts& parts, const pci::Function& function, unsigned at) {
  constexpr unsigned highest_bar = 5;
  const auto length = function.read<std::uint8_t>(at + length_at);
  if (at + bytes_of_part > config_bytes || length < bytes_of_part) return;
  const Part part{.bar = function.read<std::uint8_t>(at + bar_at),
                  .offset = function.read<std::uint32_t>(at + offset_at),
                  .bytes = function.read<std::uint32_t>(at + part_length_at)};
  if (part.bar > highest_bar) return;
  const auto keep_first = [&part](std::optional<Part>& kept) {
    if (kept) return false;
    kept = part;
    return true;
  };
  switch (Type{function.read<std::uint8_t>(at + type_at)}) {
    case Type::common: keep_first(parts.common); break;
    case Type::notify:
      if (at + bytes_of_notify_part > config_bytes || length < bytes_of_notify_part) break;
      if (keep_first(parts.notify))
        parts.multiplier = function.read<std::uint32_t>(at + multiplier_at);
      break;
    case Type::isr: keep_first(parts.isr); break;
    case Type::device: keep_first(parts.device); break;
  }
}

/// The place of a part that needs `least` bytes, at a multiple of `alignment`.
std::expected<MemoryRange, Trouble> place(const pci::Function& function, const Part& part,
                                          std::size_t least, std::size_t alignment,
                                          bool (*is_free)(const MemoryRange&)) {
  const auto bar = function.bar(part.bar);
  if (!bar) return bar;
  if (!is_free(*bar)) return std::unexpected("its BAR overlaps RAM or another device");
  if (part.bytes < least) return std::unexpected("it has too few registers");
  if (part.offset % alignment != 0) return std::unexpected("its registers are not aligned");
  if (part.offset >= bar->size || part.bytes > bar->size - part.offset)
    return std::unexpected("its registers are outside of its BAR");
  return MemoryRange{bar->base + part.offset, std::min<std::size_t>(part.bytes, most_bytes)};
}

std::optional<Part> message_table(const pci::Function& function) {
  constexpr unsigned control_at = 2, table_at = 4, bar_bits = 7;
  constexpr std::uint16_t last_entry = 0x7ff;
  std::optional<Part> found;
  function.for_each_capability(pci::capability::msi_x, [&](unsigned at) {
    if (found || at + table_at + 4 > config_bytes) return;
    const std::size_t entries = (function.read<std::uint16_t>(at + control_at) & last_entry) + 1U;
    const auto table = function.read<std::uint32_t>(at + table_at);
    found = Part{.bar = table & bar_bits,
                 .offset = table & ~bar_bits,
                 .bytes = static_cast<std::uint32_t>(entries * message_entry::bytes)};
  });
  return found;
}

}  // namespace

std::optional<virtio::DeviceType> virtio_type(const pci::Function& function) {
  // 4.1.2. The identifiers of devices that have the legacy interface, too, do not name the type.
  constexpr std::uint16_t virtio_vendor = 0x1af4, first_transitional = 0x1000, first = 0x1040,
                          last = 0x107f;
  const auto device = function.read<std::uint16_t>(pci::config::device);
  if (function.read<std::uint16_t>(pci::config::vendor) != virtio_vendor ||
      device < first_transitional || device > last)
    return std::nullopt;
  if (device >= first) return virtio::DeviceType{std::uint32_t{device} - first};
  return virtio::DeviceType{function.read<std::uint16_t>(pci::config::subsystem)};
}

std::expected<VirtioParts, Trouble> find_virtio_parts(const pci::Function& function,
                                                      bool (*is_free)(const MemoryRange&)) {
  Parts parts;
  function.for_each_capability(pci::capability::vendor_specific,
                               [&](unsigned at) { add_part(parts, function, at); });
  if (!parts.common || !parts.notify || !parts.isr)
    return std::unexpected("it has only the interface from before virtio 1.0");
  VirtioParts found{.notify_multiplier = parts.multiplier};
  struct Wanted {
    MemoryRange& range;
    const std::optional<Part>& part;
    std::size_t least, alignment;  // in bytes; 4.1.4.3 to 4.1.4.6
  };
  const auto table = message_table(function);
  const Wanted all[] = {{found.common, parts.common, common_bytes, 4},
                        {found.notify, parts.notify, 2, 2},
                        {found.isr, parts.isr, 1, 1},
                        {found.config, parts.device, 1, 4},
                        {found.message, table, message_entry::bytes, 8}};
  for (const auto& [range, part, least, alignment] : all) {
    if (!part) continue;
    const auto where = place(function, *part, least, alignment, is_free);
    if (!where) return std::unexpected(where.error());
    range = *where;
  }
  if (table) found.message.size = message_entry::bytes;
  return found;
}

void enable_messages(const pci::Function& function) {
  constexpr std::uint32_t enable = std::uint32_t{1} << 31, mask_all = std::uint32_t{1} << 30;
  function.for_each_capability(pci::capability::msi_x, [&](unsigned at) {
    // The control register is the upper half of the capability's first 32 bits.
    function.write(at, (function.read<std::uint32_t>(at) & ~mask_all) | enable);
  });
}

}  // namespace hal::pc
