// Reads a device tree blob: checks that it is well formed, finds nodes and properties, and decodes
// values. The numbers in a blob are big-endian.

#include <hal/device_tree.h>

#include <algorithm>
#include <cstring>

namespace hal {
namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t magic = 0xd00dfeed;

// The part [offset, offset + size) of a blob; nothing if the blob ends before the part does.
std::optional<std::span<const std::byte>> part(std::span<const std::byte> blob, std::size_t offset,
                                               std::size_t size) {
  if (offset > blob.size() || size > blob.size() - offset) return std::nullopt;
  return blob.subspan(offset, size);
}

/// The number at `at`. The caller has checked that its 4 bytes exist (load64: 8).
std::uint32_t load32(const std::byte* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}
std::uint64_t load64(const std::byte* at) {
  return std::uint64_t{load32(at)} << 32 | load32(at + 4);
}

/// Whether `name`, which ends with a zero, is `text`. Compares no more than the first character of
/// most names.
bool is_same(const char* name, std::string_view text) {
  for (const char each : text) {
    if (*name++ != each) return false;
  }
  return *name == 0;
}

std::string_view without_unit(std::string_view name) {
  return name.substr(0, name.find('@'));
}

}  // namespace

// ── The blob ─────────────────────────────────────────────────────────────────────────────────────

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

// ── Finding nodes ────────────────────────────────────────────────────────────────────────────────

DeviceTree::Node DeviceTree::root() const {
  return *nodes().begin();
}

std::optional<DeviceTree::Node> DeviceTree::find(std::string_view path) const {
  Node at = root();
  while (!path.empty()) {
    path.remove_prefix(path.front() == '/' ? 1 : 0);
    const std::string_view wanted = path.substr(0, path.find('/'));
    path.remove_prefix(wanted.size());
    if (wanted.empty()) continue;
    bool found = false;
    for (const Node& child : at.children()) {
      if (child.name() != wanted && without_unit(child.name()) != wanted) continue;
      at = child;
      found = true;
      break;
    }
    if (!found) return std::nullopt;
  }
  return at;
}

DeviceTree::NodeRange::Iterator DeviceTree::NodeRange::begin() const {
  Iterator at;
  at.node_.tree_ = tree_;
  at.next_ = start_;
  at.depth_ = depth_;
  at.base_ = depth_;
  at.only_children_ = only_children_;
  at.advance();
  return at;
}

DeviceTree::NodeRange::Iterator& DeviceTree::NodeRange::Iterator::operator++() {
  do {
    advance();
  } while (!done_ && only_children_ && node_.depth_ != base_);
  return *this;
}

void DeviceTree::NodeRange::Iterator::advance() {
  for (;;) {
    const Token now = node_.tree_->token(next_);
    next_ = now.next;
    switch (now.kind) {
      case Token::begin:
        if (depth_ >= max_depth) break;
        node_.name_ = now.name;
        node_.properties_ = now.next;
        node_.depth_ = depth_;
        node_.cells_ = depth_ == 0 ? Node::Cells{} : cells_[depth_ - 1];
        cells_[depth_++] = {};
        return;
      case Token::property: {
        if (*now.property_name != '#') continue;
        const auto count =
            static_cast<std::uint8_t>(std::min(Property{now.value}.cell().value_or(0), 255U));
        if (is_same(now.property_name, "#address-cells"sv)) cells_[depth_ - 1].address = count;
        if (is_same(now.property_name, "#size-cells"sv)) cells_[depth_ - 1].size = count;
        continue;
      }
      case Token::end:
        if (depth_ == base_) break;
        --depth_;
        continue;
      default: break;
    }
    done_ = true;
    return;
  }
}

// Starts at the parent's properties, which hold the cell counts for its children.
DeviceTree::NodeRange DeviceTree::Node::children() const {
  NodeRange range;
  range.tree_ = tree_;
  range.start_ = properties_;
  range.depth_ = depth_ + 1;
  range.only_children_ = true;
  return range;
}

// ── Contents of a node ──────────────────────────────────────────────────────────────────────────

std::optional<DeviceTree::Property> DeviceTree::Node::property(std::string_view name) const {
  for (Token now = tree_->token(properties_); now.kind == Token::property;
       now = tree_->token(now.next)) {
    if (is_same(now.property_name, name)) return Property{now.value};
  }
  return std::nullopt;
}

bool DeviceTree::Node::compatible_with(std::string_view device) const {
  const auto compatible = property("compatible");
  return compatible && compatible->lists(device);
}

bool DeviceTree::Node::enabled() const {
  const auto status = property("status");
  return !status || status->string() == "okay" || status->string() == "ok";
}

std::optional<MemoryRange> DeviceTree::Node::reg(std::size_t index) const {
  const auto property = this->property("reg");
  if (!property || cells_.address > 2 || cells_.size > 2) return std::nullopt;
  const std::size_t entry = std::size_t{cells_.address} + cells_.size;
  if (entry == 0 || index > property->cell_count() / entry) return std::nullopt;
  const auto base = property->number(index * entry, cells_.address);
  const auto size = property->number(index * entry + cells_.address, cells_.size);
  if (!base || !size || *base + *size < *base) return std::nullopt;
  return MemoryRange{.base = *base, .size = *size};
}

std::optional<std::uint32_t> DeviceTree::Property::cell(std::size_t index) const {
  if (index >= cell_count()) return std::nullopt;
  return load32(value_.data() + 4 * index);
}

std::optional<std::uint64_t> DeviceTree::Property::number(std::size_t index,
                                                          std::size_t cells) const {
  if (index > cell_count() || cells > cell_count() - index || cells > 2) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < cells; ++i) value = value << 32 | *cell(index + i);
  return value;
}

std::string_view DeviceTree::Property::string() const {
  const std::string_view all(reinterpret_cast<const char*>(value_.data()), value_.size());
  return all.substr(0, all.find('\0'));
}

bool DeviceTree::Property::lists(std::string_view text) const {
  std::string_view rest(reinterpret_cast<const char*>(value_.data()), value_.size());
  while (!rest.empty()) {
    const bool ends = rest.size() <= text.size() || rest[text.size()] == '\0';
    if (ends && rest.starts_with(text)) return true;
    const std::size_t zero = rest.find('\0');
    rest.remove_prefix(zero == rest.npos ? rest.size() : zero + 1);
  }
  return false;
}

}  // namespace hal
