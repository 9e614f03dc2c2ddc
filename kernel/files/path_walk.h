// From a path to a node: "..", symbolic links and all (path_resolution(7)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "files/directory.h"

namespace kernel {

inline constexpr std::size_t longest_path = 4096;  ///< with its terminating zero
inline constexpr std::size_t longest_name = 255;
inline constexpr int most_symlinks = 40;

/// Where a walk begins and who walks.
struct Walker {
  Directory& start;  ///< for paths that do not begin with a slash
  Follower follower;
};

/// What a symbolic link at the end of the path stands for.
enum class LastLink : std::uint8_t {
  follow,  ///< what it leads to
  keep,    ///< itself, unless a slash behind it asks for a directory
  name,    ///< itself, also before a slash: for calls that make, remove or change names
};

/// How a path ends: in a name, or in what directories have without anybody naming it.
enum class LastName : std::uint8_t { name, here, above, root };

struct Found {
  Ref<Directory> directory;  ///< that holds, or would hold, the last name
  std::string name;          ///< the last name; empty where the path ends in something else
  Ref<Node> node;            ///< empty when there is no such name in that directory
  bool as_directory;         ///< the path says that it is one: it ends in a slash
  LastName last = LastName::name;

  /// The node, for who wants one that is there. ENOENT; ENOTDIR for what is no directory, though
  /// the path says so.
  Result<Ref<Node>> existing() &&;
};

/// Everything but the last name has to be there. ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
Result<Found> find(const Walker& walker, std::string_view path, LastLink last);

/// The node itself. ENOENT when it is not there.
Result<Ref<Node>> find_node(const Walker& walker, std::string_view path,
                            LastLink last = LastLink::follow);

}  // namespace kernel
