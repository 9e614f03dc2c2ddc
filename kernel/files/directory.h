// Directories: names for nodes, sorted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "files/node.h"

namespace kernel {

class Directory : public Node {
 public:
  struct Entry {
    std::string name;
    Ref<Node> node;
  };

  enum class Contents : bool { fixed, writable };

  /// Fixed ones change only while the kernel starts.
  explicit Directory(Contents contents = Contents::fixed, unsigned permissions = 0755)
      : Node{abi::s_ifdir | permissions}, contents_{contents} {}
  ~Directory() override;

  /// Null when there is no such name. "." and ".." are not looked for here.
  Node* find(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }

  /// Adds a name, or gives it to another node.
  void put(std::string_view name, Ref<Node> node);
  /// Takes a name away that is there.
  void remove(std::string_view name);

  /// The directory it is in; itself for the root and for one that was removed.
  Directory& parent() { return parent_ ? *parent_ : *this; }
  /// Whether names lead here from the root.
  bool is_attached() const;
  /// The path from the root; ENOENT for a directory that was removed.
  Result<std::string> path() const;

  bool is_writable() const override { return contents_ == Contents::writable; }
  Result<Ref<File>> open(int flags) override;
  Directory* as_directory() override { return this; }

 private:
  std::vector<Entry>::const_iterator place_of(std::string_view name) const;

  Contents contents_;
  Directory* parent_ = nullptr;  // it holds us, so it is there
  std::vector<Entry> entries_;
};

/// Where all paths begin.
Directory& root_directory();

}  // namespace kernel
