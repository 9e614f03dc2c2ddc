// Directories: names for nodes, sorted.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "files/node.h"

namespace kernel {

class Directory : public Node {
 public:
  /// A tree, so that it grows by small objects: no number of names needs memory in one large piece.
  using Entries = std::map<std::string, Ref<Node>, std::less<>>;
  /// What a name takes, itself and the node apart: for admission.
  static constexpr std::size_t entry_bytes = sizeof(Entries::value_type) + 4 * sizeof(void*);

  enum class Contents : bool { fixed, writable };

  /// Fixed ones change only while the kernel starts.
  explicit Directory(Contents contents = Contents::fixed, unsigned permissions = 0755)
      : Node{abi::s_ifdir | permissions}, contents_{contents} {}
  ~Directory() override;

  /// Null when there is no such name. "." and ".." are not looked for here.
  Node* find(std::string_view name) const;
  const Entries& entries() const { return entries_; }

  /// Adds a name, or gives it to another node.
  void put(std::string_view name, Ref<Node> node);
  /// Adds a directory that stands for another file system, as one that Linux mounts there does:
  /// rmdir(2) answers EBUSY.
  void mount(std::string_view name, Ref<Directory> directory);
  /// Takes a name away that is there.
  void remove(std::string_view name);

  /// The directory it is in; itself for the root and for one that was removed.
  Directory& parent() { return parent_ ? *parent_ : *this; }
  /// Nothing leads here any more, and nothing is to be put in: only those that still have it open
  /// know it.
  bool is_removed() const;
  /// The path from the root. ENOENT for a directory that was removed; ENAMETOOLONG for one that is
  /// too deep for its path to be used in one piece.
  Result<std::string> path() const;

  bool is_mount_point() const { return is_mount_point_; }
  bool is_writable() const override { return contents_ == Contents::writable; }
  Result<Ref<File>> open(int flags) override;
  Directory* as_directory() override { return this; }

 private:
  /// What a name and its node take of the room that files have, an unnoticed bit more or less.
  static std::size_t bytes_for(std::string_view name, const Node& node);
  /// Takes a name away, and the way up from what it was the name of.
  void erase(Entries::const_iterator place);

  Contents contents_;
  bool is_mount_point_ = false;
  Directory* parent_ = nullptr;        // it holds us, so it is there
  const std::string* name_ = nullptr;  // ours, in its entries
  Entries entries_;
};

/// Where all paths begin.
Directory& root_directory();

}  // namespace kernel
