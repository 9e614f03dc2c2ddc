// Paths as system calls name them: relative to a directory's descriptor, in a program's memory.
#pragma once

#include <array>
#include <string_view>

#include "files/path_lookup.h"
#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

/// A path copied out of a program. EFAULT, ENAMETOOLONG.
class Path {
 public:
  Path(Thread& self, UserPtr<const char> from)
      : text_{memory::string_from_user(self.space(), from.address(), buffer_)} {}
  Path(const Path&) = delete;

  explicit operator bool() const { return text_.has_value(); }
  Errno error() const { return text_.error(); }
  std::string_view operator*() const { return *text_; }

 private:
  std::array<char, longest_path> buffer_;
  Result<std::string_view> text_;
};

/// Who walks, starting at the directory that `fd` is, or the current one (AT_FDCWD). Only paths
/// that do not begin with a slash look at `fd`. EBADF, ENOTDIR.
Result<PathLookup> lookup_from(Thread& self, int fd, std::string_view path);

/// All of it at once: where `path` leads.
Result<Found> find(Thread& self, int fd, UserPtr<const char> path, LastLink last);
Result<Ref<Node>> find_node(Thread& self, int fd, UserPtr<const char> path, LastLink last);

/// Whether a new name may be put there. ENOENT in a directory that was removed, EROFS, ENOSPC.
Result<> check_new_name(const Found& place);
/// The same for the name of a new node, which has that many bytes.
Result<> check_new_node(const Found& place, std::size_t node_bytes);

}  // namespace kernel::sys
