// A flattened device tree, read where it lies: no copy, no allocation, so it works before there is
// any memory to allocate. (Devicetree Specification 0.4, chapter 5.)
//
//   auto tree = DeviceTree::open(blob);
//   for (const DeviceTree::Node& node : tree->nodes())
//     if (node.compatible_with("ns16550a") && node.enabled()) use(node.reg());
//
// `open` checks the whole blob once. Whatever bytes come in, nothing outside `blob` is ever read.
#pragma once

#include <hal/boot.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

namespace hal {

class DeviceTree {
 public:
  class Node;
  class NodeRange;
  class Property;

  static constexpr unsigned max_depth = 16;
  static constexpr std::size_t header_bytes = 40;

  /// Length of the blob that starts with these bytes (at least 8); 0 if none starts here.
  static std::size_t blob_size(std::span<const std::byte> start);
  /// Nothing when the blob is not a well-formed tree of version 17 (or compatible with it).
  static std::optional<DeviceTree> open(std::span<const std::byte> blob);

  std::span<const std::byte> blob() const { return blob_; }
  Node root() const;
  /// Every node, parents before children.
  NodeRange nodes() const;
  /// "/chosen" or "/soc/serial": a name without its unit address matches any unit.
  std::optional<Node> find(std::string_view path) const;

  /// The memory reservation block: entry `index`, nothing past the last one.
  std::optional<MemoryRange> reservation(std::size_t index) const;

 private:
  struct Token {
    enum Kind : std::uint32_t { begin = 1, end = 2, property = 3, nop = 4, finish = 9, bad = 0 };
    Kind kind = bad;
    std::string_view name;             // of a node or property
    std::span<const std::byte> value;  // of a property
    std::uint32_t next = 0;            // offset of the token after it
  };

  explicit DeviceTree(std::span<const std::byte> blob) : blob_(blob) {}
  std::uint32_t word(std::size_t offset) const;
  /// The zero-terminated string at `offset` of `block`; nothing if it does not end there.
  static std::optional<std::string_view> string_at(std::span<const std::byte> block,
                                                   std::size_t offset);
  /// The token at `offset` of the structure block, no-operations skipped.
  Token token(std::uint32_t offset) const;
  bool well_formed() const;

  std::span<const std::byte> blob_;
  std::span<const std::byte> structure_;
  std::span<const std::byte> strings_;
  std::span<const std::byte> reservations_;
};

class DeviceTree::Property {
 public:
  Property(std::string_view name, std::span<const std::byte> value) : name_(name), value_(value) {}

  std::string_view name() const { return name_; }
  std::span<const std::byte> value() const { return value_; }
  std::size_t cell_count() const { return value_.size() / 4; }
  /// The 32-bit cell number `index`.
  std::optional<std::uint32_t> cell(std::size_t index = 0) const;
  /// A number of `cells` (1 or 2) cells that starts at cell `index`.
  std::optional<std::uint64_t> number(std::size_t index, std::size_t cells) const;
  /// A value that is one cell or two.
  std::optional<std::uint64_t> number() const { return number(0, cell_count() == 1 ? 1 : 2); }
  /// The first string, up to its zero or the end of the value.
  std::string_view string() const;
  /// Whether one of the strings in the list is `text`.
  bool lists(std::string_view text) const;

 private:
  std::string_view name_;
  std::span<const std::byte> value_;
};

class DeviceTree::Node {
 public:
  std::string_view name() const { return name_; }
  unsigned depth() const { return depth_; }
  std::optional<Property> property(std::string_view name) const;
  NodeRange children() const;
  bool compatible_with(std::string_view device) const;
  /// No status, or "okay".
  bool enabled() const;
  /// Entry `index` of reg, by the parent's cell counts; addresses are the parent bus's. Nothing
  /// past the end and for addresses or sizes of more than 64 bits.
  std::optional<MemoryRange> reg(std::size_t index = 0) const;

 private:
  friend NodeRange;
  friend DeviceTree;

  struct Cells {
    std::uint8_t address = 2;
    std::uint8_t size = 1;
  };
  Node() = default;

  const DeviceTree* tree_ = nullptr;
  std::string_view name_;
  std::uint32_t properties_ = 0;  // offset of the token after the name
  unsigned depth_ = 0;
  Cells cells_;  // what the parent says about reg
};

/// Nodes in the order of the blob; use it in a range-for.
class DeviceTree::NodeRange {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Node;

    const Node& operator*() const { return node_; }
    const Node* operator->() const { return &node_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return done_; }

   private:
    friend NodeRange;
    void advance();  // to the next begin token, or the end of the walk

    Node node_;
    std::uint32_t next_ = 0;
    unsigned depth_ = 0;  // a node that begins at `next_` would have this depth
    unsigned base_ = 0;   // depth of the first node; the walk ends where its parent does
    bool only_children_ = false;
    bool done_ = false;
    std::array<Node::Cells, max_depth + 1> cells_;  // [d]: for the children of the node at depth d
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  friend DeviceTree;
  friend Node;
  const DeviceTree* tree_ = nullptr;
  std::uint32_t start_ = 0;
  unsigned depth_ = 0;  // of the first node
  bool only_children_ = false;
};

inline DeviceTree::NodeRange DeviceTree::nodes() const {
  NodeRange range;
  range.tree_ = this;
  return range;
}

}  // namespace hal
