// Paths in system calls: strings in user memory, relative to a directory's descriptor.
#pragma once

#include <array>
#include <string_view>

#include "files/fetched.h"
#include "files/path_lookup.h"
#include "memory/user_memory.h"
#include "process/thread.h"

namespace kernel::sys {

/// A path, copied from user memory. EFAULT, ENAMETOOLONG.
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

/// The caller, as the program that follows a symbolic link.
inline LinkReader reader_of(Thread& self) {
  Process& process = self.process();
  return {.executable = process.path_and_name(),
          .has_canonical_path = process.has_canonical_path(),
          .process = process.id(),
          .root = process.fs().root()};
}

/// The start of the lookup of `path`: the directory `fd`, or the working directory (AT_FDCWD). `fd`
/// does not matter if the path begins with a slash. ENOENT: the path is empty; EBADF; ENOTDIR.
Result<PathLookup> lookup_from(Thread& self, int fd, std::string_view path);

/// What AT_SYMLINK_NOFOLLOW in `flags` says.
inline LastLink last_link(int flags) {
  return (flags & abi::at_symlink_nofollow) != 0 ? LastLink::keep : LastLink::follow;
}

/// The node to which an empty path refers: that of `fd`, or the working directory (AT_FDCWD). Null
/// for a pipe. EBADF.
Result<Node*> node_at(Thread& self, int fd);

/// Copies the path, and looks it up. Errors of Path, lookup_from() and kernel::find().
/// `resolve`: as in PathLookup.
Result<Found> find(Thread& self, int fd, UserPtr<const char> path, LastLink last,
                   std::uint64_t resolve = 0);
/// The same for kernel::find_node().
Result<Node*> find_node(Thread& self, int fd, UserPtr<const char> path, LastLink last);
Result<Node*> find_node(Thread& self, int fd, std::string_view path, LastLink last);

/// The node that a call changes or describes: `path`, or with AT_EMPTY_PATH in `flags` and an empty
/// path the file `fd`. Null: `fd` is a pipe. A null `path` is an empty one.
Result<Node*> node_to_change(Thread& self, int fd, UserPtr<const char> path, int flags,
                             LastLink last);

/// Succeeds if the attributes of `node` are those of now, or if the call has asked the server for
/// them. would_block: the call asks now, and is made again.
inline Result<> refresh(Node& node) {
  if (!node.is_remote()) [[likely]]
    return {};
  Fetched* const fetched = Fetched::of_attempt();
  return fetched != nullptr ? fetched->refresh(node) : fail(Errno::would_block);
}
inline Result<> refresh(File& file) {
  if (!file.waits_for_device() || file.node() == nullptr) [[likely]]
    return {};
  return refresh(*file.node());
}

// Both checks are also for callers that share the strand. would_block: only the strand shows
// whether the name may be created.

/// Checks that a new name may be created at `place`. ENOENT: the directory was removed; EROFS;
/// ENOSPC.
Result<> check_new_name(const Found& place);
/// Like check_new_name(), also for a new node of `node_bytes` bytes. ENOSPC: the quota has no room.
Result<> check_new_node(const Found& place, std::size_t node_bytes);

/// openat without the descriptor. `resolve`: see find(). In the strand, or while the caller shares
/// it. would_block: the call needs the strand.
Result<Ref<File>> open_file(Thread& self, int directory, UserPtr<const char> path, int flags,
                            unsigned mode, std::uint64_t resolve = 0);

/// openat for a node that the caller has found without a path. In the strand.
trap::Answer<Result<int>> open_node(Thread& self, Node& node, int flags);

}  // namespace kernel::sys
