// Nodes of a file system whose operations wait, because a server makes them. Their attributes and
// names belong to the server, and others can change them at any time. So a system call asks the
// server anew: Fetched (fetched.h) has what one call has learnt.
#pragma once

#include <abi/types.h>
#include <async/task.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "files/file.h"

namespace kernel {

class Node;

/// Which attributes change, and their new values (chmod, chown, truncate, utimensat).
struct AttributeChange {
  /// A time to set; without a value, the server's present time.
  using Time = std::optional<abi::Timespec>;

  std::optional<std::uint32_t> mode{};
  std::optional<std::uint32_t> uid{};
  std::optional<std::uint32_t> gid{};
  std::optional<std::uint64_t> size{};
  std::optional<Time> accessed{};
  std::optional<Time> modified{};
};

/// What statfs answers about a file system.
struct FileSystemFacts {
  std::uint64_t type;
  std::uint64_t block_bytes;
  std::uint64_t blocks;
  std::uint64_t free_blocks;
  std::uint64_t available_blocks;
  std::uint64_t files;
  std::uint64_t free_files;
  std::uint64_t longest_name;
};

/// The operations of a node that wait. A task owns what it needs: the caller may drop the node and
/// the arguments. The caller has checked the names. All tasks run in the strand. Errors are the
/// server's, and: EIO: its answer is wrong, or does not come; EINTR: the caller was cancelled, and
/// the operation may still take place; ENOMEM.
class Remote {
 public:
  /// Two nodes of one file system have the same. It owns the connection, and lives for ever.
  virtual const void* file_system() const = 0;

  /// Gets the node's present attributes.
  virtual async::Task<Result<>> refresh() = 0;
  virtual async::Task<Result<>> set_attributes(const AttributeChange& change) = 0;
  virtual async::Task<Result<FileSystemFacts>> facts() = 0;
  /// `flags`: those of openat, and perhaps O_TRUNC.
  virtual async::Task<Result<Ref<File>>> open_file(int flags) = 0;

  // ── Of directories. Another node answers ENOTDIR. ──

  /// Null: there is no such name.
  virtual async::Task<Result<Ref<Node>>> look_up(std::string name) = 0;
  /// Creates a file, which may exist unless `flags` has O_EXCL, and opens it.
  virtual async::Task<Result<Ref<File>>> create(std::string name, int flags, unsigned mode) = 0;
  virtual async::Task<Result<>> make_directory(std::string_view name, unsigned mode) = 0;
  /// Makes a file or a FIFO, as `mode` says.
  virtual async::Task<Result<>> make_node(std::string_view name, unsigned mode) = 0;
  virtual async::Task<Result<>> make_symlink(std::string_view name, std::string_view target) = 0;
  /// Gives `node`, which is in the same file system, a second name.
  virtual async::Task<Result<>> make_link(std::string_view name, Node& node) = 0;
  virtual async::Task<Result<>> remove(std::string_view name, bool directory) = 0;
  /// `to` is a directory in the same file system.
  virtual async::Task<Result<>> rename(std::string_view name, Node& to,
                                       std::string_view to_name) = 0;

 protected:
  ~Remote() = default;
};

}  // namespace kernel
