#include "files/path_lookup.h"

#include "files/fetched.h"

namespace kernel {

std::string_view take_name(std::string_view& path) {
  const std::size_t begin = std::min(path.find_first_not_of('/'), path.size());
  const std::size_t end = std::min(path.find('/', begin), path.size());
  const std::string_view name = path.substr(begin, end - begin);
  path.remove_prefix(std::min(path.find_first_not_of('/', end), path.size()));
  return name;
}

namespace {

/// The kind of `end`, the end of a path that is not a name: "" (the path is "/"), "." or "..".
LastName last_name(std::string_view end) {
  if (end.empty()) return LastName::root;
  return end == "." ? LastName::here : LastName::above;
}

/// Found, with a name that it does not own.
struct Place {
  Directory* directory;
  std::string_view name;
  Node* node;
  bool as_directory;
  LastName last = LastName::name;
};

/// The node of a name that the directory does not list; null: there is none.
[[gnu::noinline]] Result<Node*> find_unlisted(const PathLookup& lookup, Directory& directory,
                                              std::string_view name, std::string_view rest) {
  if (!directory.is_remote()) return directory.find_unlisted(name);
  if (lookup.fetched == nullptr) return fail(Errno::would_block);
  return lookup.fetched->find(directory, name, rest);
}

/// `rewritten` gets the remaining path after a link was replaced by its target. Place::name may be
/// a part of it.
Result<Place> walk(const PathLookup& lookup, std::string_view path, LastLink last,
                   std::string& rewritten) {
  if (path.empty()) return fail(Errno::enoent);
  if (path.size() >= longest_path) return fail(Errno::enametoolong);

  std::string_view rest = path;
  Directory* at = rest.starts_with('/') ? &root_directory() : &lookup.start;
  int links = 0;
  for (;;) {
    const bool as_directory = rest.ends_with('/');
    const std::string_view name = take_name(rest);
    const bool is_last = rest.empty();
    if (name.size() > longest_name) return fail(Errno::enametoolong);

    Node* node = at;
    if (name == "..") {
      node = &at->parent();
    } else if (!name.empty() && name != ".") {
      node = at->find(name);
      if (node == nullptr) {
        const auto unlisted = find_unlisted(lookup, *at, name, rest);
        if (!unlisted) [[unlikely]]
          return fail(unlisted.error());
        node = *unlisted;
      }
      if (node != nullptr && node->is_symlink() &&
          (!is_last || last == LastLink::follow || (last == LastLink::keep && as_directory))) {
        if (++links > most_symlinks) return fail(Errno::eloop);
        if (Directory* const known = is_last ? nullptr : node->shortcut(rest)) {
          at = known;
          continue;
        }
        node->note_read();
        const auto object = node->object();
        if (!object) return fail(object.error());
        if (*object != nullptr) {
          if (is_last) return Place{at, name, *object, as_directory};
          Directory* const directory = (*object)->as_directory();
          if (directory == nullptr) return fail(Errno::enotdir);
          at = directory;
          continue;
        }
        std::string next = node->target(lookup.reader);
        if (next.empty()) return fail(in_strand(Errno::enoent));
        if (!is_last) next.append("/").append(rest);
        if (is_last && as_directory) next.append("/");
        if (next.size() >= longest_path) return fail(Errno::enametoolong);
        rewritten = std::move(next);
        rest = rewritten;
        if (rest.starts_with('/')) at = &root_directory();
        continue;
      }
      if (is_last) return Place{at, name, node, as_directory};
      if (node == nullptr) return fail(Errno::enoent);
    }
    Directory* const directory = node->as_directory();
    if (directory == nullptr) return fail(Errno::enotdir);
    at = directory;
    if (is_last) return Place{at, {}, at, true, last_name(name)};
  }
}

}  // namespace

Result<Found> find(const PathLookup& lookup, std::string_view path, LastLink last) {
  std::string rewritten;
  const auto place = walk(lookup, path, last, rewritten);
  if (!place) return fail(place.error());
  return Found{place->directory, std::string{place->name}, place->node, place->as_directory,
               place->last};
}

Result<Node*> Found::existing() const {
  if (node == nullptr) return fail(Errno::enoent);
  if (as_directory && node->as_directory() == nullptr) return fail(Errno::enotdir);
  return node;
}

Result<Node*> find_node(const PathLookup& lookup, std::string_view path, LastLink last) {
  std::string rewritten;
  const auto place = walk(lookup, path, last, rewritten);
  if (!place) return fail(place.error());
  if (place->node == nullptr) return fail(Errno::enoent);
  if (place->as_directory && place->node->as_directory() == nullptr) return fail(Errno::enotdir);
  return place->node;
}

}  // namespace kernel
