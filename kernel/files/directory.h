// Directories: sorted maps from names to nodes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "files/node.h"

namespace kernel {

class Directory : public Node {
 public:
  /// A tree: it grows by small objects and never needs a large contiguous allocation.
  using Entries = std::map<std::string, Ref<Node>, std::less<>>;
  /// Bytes of memory for an entry, without its name and its node. For can_allocate().
  static constexpr std::size_t entry_bytes = sizeof(Entries::value_type) + 4 * sizeof(void*);

  enum class Contents : bool { fixed, writable };

  /// A fixed directory changes only while the kernel starts.
  explicit Directory(Contents contents = Contents::fixed, unsigned permissions = 0755)
      : Node{abi::s_ifdir | permissions}, contents_{contents} {}
  ~Directory() override;

  /// Null: there is no such name. Does not handle "." and "..".
  Node* find(std::string_view name) const;
  const Entries& entries() const { return entries_; }

  /// Adds the entry `name`, or replaces its node.
  void put(std::string_view name, Ref<Node> node);
  /// Adds a mount point, which rmdir(2) refuses to remove with EBUSY, as in Linux.
  void mount(std::string_view name, Ref<Directory> directory);
  /// Removes the entry `name`, which exists.
  void remove(std::string_view name);

  /// The parent directory. The root and removed directories are their own parents.
  Directory& parent() { return parent_ ? *parent_ : *this; }
  /// Whether the directory was removed. Then no path leads to it, and no entry may be added. Only
  /// open files and working directories still refer to it.
  bool is_removed() const;
  /// The path from the root. ENOENT: the directory was removed. ENAMETOOLONG: the path is longer
  /// than longest_path allows.
  Result<std::string> path() const;

  bool is_mount_point() const { return is_mount_point_; }
  bool is_writable() const override { return contents_ == Contents::writable; }
  Result<Ref<File>> open(int flags) override;
  Directory* as_directory() override { return this; }

 private:
  /// The bytes that a name and its node use of the quota, approximately (file_quota.h).
  static std::size_t bytes_for(std::string_view name, const Node& node);
  /// Removes an entry and clears the parent of its node.
  void erase(Entries::const_iterator place);

  Contents contents_;
  bool is_mount_point_ = false;
  Directory* parent_ = nullptr;        // owns this through an entry; null: root, or removed
  const std::string* name_ = nullptr;  // key of this directory in the parent's entries
  Entries entries_;
};

/// The root of the file tree.
Directory& root_directory();

}  // namespace kernel
