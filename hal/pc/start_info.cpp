#include "start_info.h"

#include <algorithm>
#include <cstring>

#include "memory_ranges.h"

namespace hal::pc {
namespace {

struct Header {
  std::uint32_t magic, version, flags, module_count;
  std::uint64_t modules, command_line, rsdp;
  std::uint64_t map;  ///< from version 1 on, with the next two
  std::uint32_t map_entries, reserved;
};
constexpr std::size_t bytes_of_version_0 = 40;

struct Module {
  std::uint64_t address, size, command_line, reserved;
};

struct MapEntry {
  std::uint64_t address, size;
  std::uint32_t type, reserved;
};
constexpr std::uint32_t type_ram = 1;

template <class T>
std::optional<T> read(acpi::Memory memory, std::uint64_t address) {
  const auto bytes = memory(address, sizeof(T));
  if (bytes.empty()) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

constexpr std::size_t longest_line = 64 << 10;

}  // namespace

std::optional<StartInfo> StartInfo::open(acpi::Memory memory, std::uint64_t address) {
  constexpr std::uint32_t magic = 0x336e'c578;
  const auto header = read<Header>(memory, address);
  if (!header || header->magic != magic) return std::nullopt;
  const bool has_map = header->version >= 1;
  StartInfo info;
  info.own_ = {address, has_map ? sizeof(Header) : bytes_of_version_0};
  info.rsdp_ = header->rsdp;
  std::size_t length = 0;
  for (; length < longest_line; ++length) {
    const auto letter = memory(header->command_line + length, 1);
    if (letter.empty() || letter[0] == std::byte{0}) break;
  }
  if (length != 0) {
    const auto line = memory(header->command_line, length);
    info.command_line_ = {reinterpret_cast<const char*>(line.data()), line.size()};
    info.line_range_ = {header->command_line, length};
  }
  if (header->module_count != 0) {
    const auto module = read<Module>(memory, header->modules);
    if (module && module->size != 0 && !memory(module->address, module->size).empty())
      info.archive_ = MemoryRange{module->address, module->size};
  }
  if (has_map) info.map_ = memory(header->map, std::size_t{header->map_entries} * sizeof(MapEntry));
  return info;
}

std::span<const MemoryRange> StartInfo::memory(std::span<MemoryRange> ranges,
                                               std::uint64_t end) const {
  std::size_t count = 0;
  const auto for_each_entry = [this, end](bool is_ram, auto&& use) {
    for (auto rest = map_; rest.size() >= sizeof(MapEntry); rest = rest.subspan(sizeof(MapEntry))) {
      MapEntry entry;
      std::memcpy(&entry, rest.data(), sizeof entry);
      if ((entry.type == type_ram) != is_ram || entry.size == 0 || entry.address >= end) continue;
      use(MemoryRange{entry.address, std::min(entry.size, end - entry.address)});
    }
  };
  for_each_entry(true, [&](const MemoryRange& ram) {
    if (count != ranges.size()) ranges[count++] = ram;
  });
  // Where RAM and another entry overlap, it is not RAM. One range may become two.
  for_each_entry(false, [&](const MemoryRange& other) {
    for (std::size_t i = 0; i < count; ++i) {
      const MemoryRange ram = ranges[i];
      if (other.end() <= ram.base || ram.end() <= other.base) continue;
      ranges[i].size = other.base > ram.base ? other.base - ram.base : 0;
      if (other.end() < ram.end() && count != ranges.size())
        ranges[count++] = {other.end(), ram.end() - other.end()};
    }
  });
  const auto found = ranges.first(count);
  return found.first(join_ranges(found));
}

}  // namespace hal::pc
