// Path lookup: from a path to a node, with "..", symbolic links and slashes (path_resolution(7)).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "files/directory.h"

namespace kernel {

inline constexpr std::size_t longest_path = 4096;  ///< terminating zero included
inline constexpr std::size_t longest_name = 255;
inline constexpr int most_symlinks = 40;

class Fetched;

/// Where a lookup begins, and for which program.
struct PathLookup {
  Directory& start;  ///< for relative paths
  LinkReader reader;
  Fetched* fetched = nullptr;  ///< what the call has learnt from servers; null: it cannot ask them
  std::uint64_t resolve = 0;   ///< what the lookup must not do: abi::resolve_*
  /// Cleared if the path has a link, ".", ".." or two slashes in a row: such a path is not the
  /// canonical one of its node. Null: the caller does not ask.
  bool* is_canonical = nullptr;
};

/// The path of `node`, as a program sees it whose absolute paths begin at `root` (LinkReader). A
/// node that is not below `root` has the path `outside`, and its path from the root of the tree
/// behind that. Errors of Node::path().
Result<std::string> path_from(const Directory* root, const Node& node,
                              std::string_view outside = "");
/// The same for a path from the root of the tree.
std::string path_from(const Directory* root, std::string path, std::string_view outside = "");

/// How to treat a symbolic link at the end of the path.
enum class LastLink : std::uint8_t {
  follow,  ///< return the node that the link points to
  keep,    ///< return the link, unless a slash follows it
  name,    ///< return the link in any case: for calls that make, remove or rename
};

/// How a path ends: in a name, in ".", in "..", or it is "/".
enum class LastName : std::uint8_t { name, here, above, root };

/// The directory and the node live until the next await, or as long as the caller shares the
/// strand.
struct Found {
  Directory* directory;  ///< the parent directory of the last name
  std::string name;      ///< the last name; empty unless `last` is LastName::name
  Node* node;            ///< null if the directory has no such name
  bool as_directory;     ///< the path ends in a slash, "." or ".."
  LastName last = LastName::name;

  /// The node. ENOENT if there is none; ENOTDIR if the path ends in a slash and the node is no
  /// directory.
  Result<Node*> existing() const;
};

/// Removes the first name and the slashes around it from `path`. Returns the name; "": there is
/// none.
std::string_view take_name(std::string_view& path);

// Both look-ups are also for callers that share the strand. would_block: a name of a server is
// needed that the call has not fetched (fetched.h).

/// Looks `path` up. The last name need not exist, all others must. ENOENT, ENOTDIR, ELOOP,
/// ENAMETOOLONG. EXDEV, ELOOP: the lookup does what PathLookup::resolve forbids.
Result<Found> find(const PathLookup& lookup, std::string_view path, LastLink last);

/// Looks `path` up and returns its node. ENOENT if it does not exist; ENOTDIR if the path ends in a
/// slash and the node is no directory. The node lives until the next await, or as long as the
/// caller shares the strand.
Result<Node*> find_node(const PathLookup& lookup, std::string_view path,
                        LastLink last = LastLink::follow);

}  // namespace kernel
