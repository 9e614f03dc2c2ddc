// Finds nodes and properties, and decodes property values.

#include <hal/device_tree.h>

#include <algorithm>

#include "big_endian.h"

namespace hal {
namespace {

using namespace std::string_view_literals;

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
