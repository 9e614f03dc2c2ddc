// A reader for flattened device trees. It works in place, without copies or allocations, so it can
// run before the frame allocator exists. Format: Devicetree Specification 0.4, chapter 5.
//
//   auto tree = DeviceTree::open(blob);
//   for (const DeviceTree::Node& node : tree->nodes())
//     if (node.compatible_with("ns16550a") && node.enabled()) use(node.reg());
//
// `open` checks the whole blob once. For every input, all reads stay inside `blob`.
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

  /// The size in bytes of the blob that begins at `start` (at least 8 bytes); 0 if none does.
  static std::size_t blob_size(std::span<const std::byte> start);
  /// Returns nothing if the blob is not a well-formed tree of version 17 or a compatible one.
  static std::optional<DeviceTree> open(std::span<const std::byte> blob);

  std::span<const std::byte> blob() const { return blob_; }
  Node root() const;
  /// All nodes, parents before children.
  NodeRange nodes() const;
  /// Finds a node such as "/chosen" or "/soc/serial". A name without a unit address matches any
  /// unit.
  std::optional<Node> find(std::string_view path) const;

  /// Entry `index` of the memory reservation block; nothing past the last one.
  std::optional<MemoryRange> reservation(std::size_t index) const;

 private:
  struct Token {
    enum Kind : std::uint32_t { begin = 1, end = 2, property = 3, nop = 4, finish = 9, bad = 0 };
    Kind kind = bad;
    std::string_view name;             // of a node
    const char* property_name = "";    // of a property; ends with a zero
    std::span<const std::byte> value;  // of a property
    std::uint32_t next = 0;            // offset of the next token
  };

  explicit DeviceTree(std::span<const std::byte> blob) : blob_(blob) {}
  std::uint32_t word(std::size_t offset) const;
  /// The zero-terminated string at `offset` of `block`; nothing if the block ends before the zero.
  static std::optional<std::string_view> string_at(std::span<const std::byte> block,
                                                   std::size_t offset);
  /// The token at `offset` of the structure block. Skips no-operation tokens.
  Token token(std::uint32_t offset) const;
  bool well_formed() const;

  std::span<const std::byte> blob_;
  std::span<const std::byte> structure_;
  std::span<const std::byte> strings_;  // up to the last zero, so each string in it ends
  std::span<const std::byte> reservations_;
};

class DeviceTree::Property {
 public:
  explicit Property(std::span<const std::byte> value) : value_(value) {}

  std::span<const std::byte> value() const { return value_; }
  std::size_t cell_count() const { return value_.size() / 4; }
  /// The 32-bit cell `index`; nothing past the end.
  std::optional<std::uint32_t> cell(std::size_t index = 0) const;
  /// The number in the `cells` (1 or 2) cells from cell `index` on.
  std::optional<std::uint64_t> number(std::size_t index, std::size_t cells) const;
  /// The whole value as a number of one or two cells.
  std::optional<std::uint64_t> number() const { return number(0, cell_count() == 1 ? 1 : 2); }
  /// The first string: the bytes up to the first zero, or all of them.
  std::string_view string() const;
  /// Whether the value is a list of strings that contains `text`.
  bool lists(std::string_view text) const;

 private:
  std::span<const std::byte> value_;
};

class DeviceTree::Node {
 public:
  std::string_view name() const { return name_; }
  unsigned depth() const { return depth_; }
  std::optional<Property> property(std::string_view name) const;
  NodeRange children() const;
  bool compatible_with(std::string_view device) const;
  /// True if the node has no status, or the status "okay" or "ok".
  bool enabled() const;
  /// Entry `index` of the node's `reg`, decoded with the cell counts of its parent. The address is
  /// one on the parent's bus. Nothing past the end, or if address or size exceeds 64 bits.
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
  Cells cells_;  // the parent's cell counts, which `reg` uses
};

/// The nodes in the order of the blob, for a range-for loop.
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
    void advance();  // to the next `begin` token or the end of the walk

    Node node_;
    std::uint32_t next_ = 0;
    unsigned depth_ = 0;  // depth of a node that begins at `next_`
    unsigned base_ = 0;   // depth of the first node; the walk ends at its parent's end
    bool only_children_ = false;
    bool done_ = false;
    std::array<Node::Cells, max_depth + 1> cells_;  // [d]: the cell counts of the node at depth d
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
