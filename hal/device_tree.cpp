// Reads the header and the tokens of a device tree blob, and checks that the blob is well formed.

#include <hal/device_tree.h>

#include <cstring>

#include "big_endian.h"

namespace hal {
namespace {

constexpr std::uint32_t magic = 0xd00dfeed;

// The part [offset, offset + size) of a blob; nothing if the blob ends before the part does.
std::optional<std::span<const std::byte>> part(std::span<const std::byte> blob, std::size_t offset,
                                               std::size_t size) {
  if (offset > blob.size() || size > blob.size() - offset) return std::nullopt;
  return blob.subspan(offset, size);
}

}  // namespace

std::size_t DeviceTree::blob_size(std::span<const std::byte> start) {
  return start.size() >= 8 && load32(start.data()) == magic ? load32(start.data() + 4) : 0;
}

std::optional<DeviceTree> DeviceTree::open(std::span<const std::byte> blob) {
  const std::size_t size = blob_size(blob);
  if (size < header_bytes || size > blob.size()) return std::nullopt;
  DeviceTree tree(blob.first(size));
  const std::uint32_t structure_offset = tree.word(8);
  const std::uint32_t strings_offset = tree.word(12);
  const std::uint32_t reservations_offset = tree.word(16);
  const std::uint32_t version = tree.word(20);
  const std::uint32_t compatible_version = tree.word(24);
  if (version < 17 || compatible_version > 17) return std::nullopt;
  if (structure_offset % 4 != 0 || reservations_offset % 8 != 0) return std::nullopt;

  const auto strings = part(tree.blob_, strings_offset, tree.word(32));
  const auto structure = part(tree.blob_, structure_offset, tree.word(36));
  if (!strings || !structure || reservations_offset > size) return std::nullopt;
  tree.strings_ = *strings;
  while (!tree.strings_.empty() && tree.strings_.back() != std::byte{0})
    tree.strings_ = tree.strings_.first(tree.strings_.size() - 1);
  tree.structure_ = *structure;
  tree.reservations_ = tree.blob_.subspan(reservations_offset);
  if (!tree.well_formed()) return std::nullopt;
  return tree;
}

std::uint32_t DeviceTree::word(std::size_t offset) const {
  return load32(blob_.data() + offset);
}

std::optional<std::string_view> DeviceTree::string_at(std::span<const std::byte> block,
                                                      std::size_t offset) {
  if (offset >= block.size()) return std::nullopt;
  const auto* start = reinterpret_cast<const char*>(block.data()) + offset;
  const std::size_t room = block.size() - offset;
  const auto* zero = static_cast<const char*>(std::memchr(start, 0, room));
  if (zero == nullptr) return std::nullopt;
  return std::string_view(start, static_cast<std::size_t>(zero - start));
}

DeviceTree::Token DeviceTree::token(std::uint32_t offset) const {
  const auto has = [&](std::size_t at, std::size_t bytes) {
    return at <= structure_.size() && bytes <= structure_.size() - at;
  };
  const auto aligned = [](std::size_t at) { return static_cast<std::uint32_t>((at + 3) & ~3UL); };

  while (has(offset, 4)) {
    const auto kind = static_cast<Token::Kind>(load32(structure_.data() + offset));
    offset += 4;
    switch (kind) {
      case Token::nop: continue;
      case Token::begin: {
        const auto name = string_at(structure_, offset);
        if (!name) return {};
        return {.kind = kind, .name = *name, .next = aligned(offset + name->size() + 1)};
      }
      case Token::property: {
        if (!has(offset, 8)) return {};
        const std::size_t size = load32(structure_.data() + offset);
        const std::size_t name = load32(structure_.data() + offset + 4);
        if (name >= strings_.size() || !has(offset + 8, size)) return {};
        return {.kind = kind,
                .property_name = reinterpret_cast<const char*>(strings_.data()) + name,
                .value = structure_.subspan(offset + 8, size),
                .next = aligned(offset + 8 + size)};
      }
      case Token::end:
      case Token::finish: return {.kind = kind, .next = offset};
      default: return {};
    }
  }
  return {};
}

// Checks that there is one root, every node has its properties before its children and is closed,
// and no node is deeper than max_depth.
bool DeviceTree::well_formed() const {
  unsigned depth = 0;
  bool properties_allowed = false;
  bool root_seen = false;
  for (Token now = token(0);; now = token(now.next)) {
    switch (now.kind) {
      case Token::begin:
        if (depth == 0 && root_seen) return false;
        root_seen = true;
        if (++depth > max_depth) return false;
        properties_allowed = true;
        break;
      case Token::end:
        if (depth == 0) return false;
        --depth;
        properties_allowed = false;
        break;
      case Token::property:
        if (!properties_allowed) return false;
        break;
      case Token::finish: return depth == 0 && root_seen;
      default: return false;
    }
  }
}

std::optional<MemoryRange> DeviceTree::reservation(std::size_t index) const {
  if (index >= reservations_.size() / 16) return std::nullopt;
  const std::byte* entry = reservations_.data() + index * 16;
  const MemoryRange range = {.base = load64(entry), .size = load64(entry + 8)};
  if (range.base == 0 && range.size == 0) return std::nullopt;
  return range;
}

}  // namespace hal
