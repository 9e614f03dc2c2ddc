// The working directory, the root and the umask of a process.
#pragma once

#include <kernel/ref.h>

#include "files/directory.h"

namespace kernel {

/// Shared by CLONE_FS, copied by fork.
class FsContext : public RefCounted<FsContext> {
 public:
  /// Starts in the root directory.
  FsContext() : directory_{Ref<Directory>::share(root_directory())} {}
  FsContext(const FsContext& other)
      : directory_{other.directory_}, root_{other.root_}, umask_{other.umask_} {}

  // Processes may share the context, so it changes in the strand.

  /// The current working directory.
  const Ref<Directory>& directory() const { return directory_; }
  void set_directory(Ref<Directory> directory) {
    async::Strand::check_access();
    directory_ = std::move(directory);
  }

  /// Where absolute paths begin (chroot); null: at the root of the tree.
  Directory* root() const { return root_.get(); }
  void set_root(Ref<Directory> root) {
    async::Strand::check_access();
    root_ = std::move(root);
  }

  /// The permission bits that new files must not have.
  unsigned umask() const { return umask_; }
  void set_umask(unsigned mask) {
    async::Strand::check_access();
    umask_ = mask & 0777;
  }

 private:
  Ref<Directory> directory_;
  Ref<Directory> root_;
  unsigned umask_ = 022;
};

}  // namespace kernel
