// Where a process stands in the tree of files.
#pragma once

#include <kernel/ref.h>

#include "files/directory.h"

namespace kernel {

/// A value: fork copies it, threads of one process share it by sharing the process.
class FsContext {
 public:
  /// At the root.
  FsContext();
  explicit FsContext(Ref<Directory> directory) : directory_{std::move(directory)} {}

  /// The current working directory.
  const Ref<Directory>& directory() const { return directory_; }
  void set_directory(Ref<Directory> directory) { directory_ = std::move(directory); }

  /// Permission bits that new files do not get.
  unsigned umask() const { return umask_; }
  void set_umask(unsigned mask) { umask_ = mask & 0777; }

 private:
  Ref<Directory> directory_;
  unsigned umask_ = 022;
};

}  // namespace kernel
