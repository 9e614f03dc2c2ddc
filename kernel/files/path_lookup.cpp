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

constexpr std::string_view here = ".", above = "..";

/// The kind of `end`, the end of a path that is not a name: "" (the path is "/"), "." or "..".
LastName last_name(std::string_view end) {
  if (end.empty()) return LastName::root;
  return end == here ? LastName::here : LastName::above;
}

bool last_name_is_name(std::string_view end) {
  return !end.empty() && end != here && end != above;
}

void note_noncanonical(const PathLookup& lookup) {
  if (lookup.is_canonical != nullptr) *lookup.is_canonical = false;
}

/// Found, with a name that it does not own.
struct Place {
  Directory* directory;
  std::string_view name;
  Node* node;
  bool as_directory;
  LastName last = LastName::name;
};

/// Whether both are the same directory. Each look-up of a server's directory makes a node.
bool is_same(const Directory& a, const Directory& b) {
  if (&a == &b) return true;
  if (!a.is_remote() || !b.is_remote()) return false;
  const abi::Stat one = a.status(), other = b.status();
  return one.device == other.device && one.inode == other.inode;
}

/// The node of a name that the directory does not list; null: there is none.
[[gnu::noinline]] Result<Node*> find_unlisted(const PathLookup& lookup, Directory& directory,
                                              std::string_view name, std::string_view rest) {
  if (!directory.is_remote()) return directory.find_unlisted(name);
  if (lookup.fetched == nullptr) return fail(Errno::would_block);
  return lookup.fetched->find(directory, name, rest);
}

/// Whether `lookup` may follow a link: EXDEV, ELOOP. `is_magic`: it has no path (Node::object()).
Result<> check_link(const PathLookup& lookup, bool is_magic) {
  constexpr auto no_magic = abi::resolve_no_magiclinks, no_links = abi::resolve_no_symlinks;
  if ((lookup.resolve & no_links) != 0) return fail(Errno::eloop);
  if (!is_magic) return {};
  if ((lookup.resolve & no_magic) != 0) return fail(Errno::eloop);
  const auto within = abi::resolve_beneath | abi::resolve_in_root;
  return (lookup.resolve & within) != 0 ? fail(Errno::exdev) : Result<>{};
}

/// Whether `lookup` may go on in `next`. EXDEV: it is in another file system.
Result<> check_step(const PathLookup& lookup, const Node& next) {
  const bool stays = (lookup.resolve & abi::resolve_no_xdev) != 0;
  const bool is_other = next.file_system() != lookup.start.file_system() ||
                        next.is_remote() != lookup.start.is_remote();
  return stays && is_other ? fail(Errno::exdev) : Result<>{};
}

/// `rewritten` gets the remaining path after a link was replaced by its target. Place::name may be
/// a part of it. `restricted`: PathLookup::resolve is not 0.
template <bool restricted>
Result<Place> walk(const PathLookup& lookup, std::string_view path, LastLink last,
                   std::string& rewritten) {
  if (path.empty()) return fail(Errno::enoent);
  if (path.size() >= longest_path) return fail(Errno::enametoolong);

  std::string_view rest = path;
  Directory* const root = lookup.reader.root;
  const auto start_of = [&](Directory& relative) {
    if (!rest.starts_with('/')) return &relative;
    return root != nullptr ? root : &root_directory();
  };
  Directory* at = start_of(lookup.start);
  const bool stays_beneath = restricted && (lookup.resolve & abi::resolve_beneath) != 0;
  if (restricted) {
    if (stays_beneath && rest.starts_with('/')) return fail(Errno::exdev);
    if (auto allowed = check_step(lookup, *at); !allowed) return fail(allowed.error());
  }
  int links = 0;
  for (;;) {
    const bool as_directory = rest.ends_with('/');
    const char* const begin = rest.data();
    const std::string_view name = take_name(rest);
    // More than one slash in front of the name, or behind it.
    if (lookup.is_canonical != nullptr && (name.data() > begin + 1 || rest.data() > name.end() + 1))
      note_noncanonical(lookup);
    const bool is_last = rest.empty();
    if (name.size() > longest_name) return fail(Errno::enametoolong);

    Node* node = at;
    if (name == above) {
      note_noncanonical(lookup);
      if (stays_beneath && is_same(*at, lookup.start)) return fail(Errno::exdev);
      if (root == nullptr || !is_same(*at, *root)) node = &at->parent();
    } else if (name.empty() || name == here) {
      note_noncanonical(lookup);
    } else {
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
        note_noncanonical(lookup);
        if (restricted) {
          if (auto allowed = check_link(lookup, false); !allowed) return fail(allowed.error());
        }
        if (Directory* const known = is_last ? nullptr : node->shortcut(rest)) {
          at = known;
          continue;
        }
        node->note_read();
        const auto object = node->object();
        if (!object) return fail(object.error());
        if (*object != nullptr) {
          if (restricted) {
            if (auto allowed = check_link(lookup, true); !allowed) return fail(allowed.error());
            if (auto allowed = check_step(lookup, **object); !allowed) return fail(allowed.error());
          }
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
        if (stays_beneath && rest.starts_with('/')) return fail(Errno::exdev);
        at = start_of(*at);
        if (restricted) {
          if (auto allowed = check_step(lookup, *at); !allowed) return fail(allowed.error());
        }
        continue;
      }
      if (is_last && !restricted) return Place{at, name, node, as_directory};
      if (node == nullptr) {
        if (is_last) return Place{at, name, node, as_directory};
        return fail(Errno::enoent);
      }
    }
    if (restricted) {
      if (auto allowed = check_step(lookup, *node); !allowed) return fail(allowed.error());
      if (is_last && last_name_is_name(name)) return Place{at, name, node, as_directory};
    }
    Directory* const directory = node->as_directory();
    if (directory == nullptr) return fail(Errno::enotdir);
    at = directory;
    if (is_last) return Place{at, {}, at, true, last_name(name)};
  }
}

Result<Place> walk(const PathLookup& lookup, std::string_view path, LastLink last,
                   std::string& rewritten) {
  return lookup.resolve != 0 ? walk<true>(lookup, path, last, rewritten)
                             : walk<false>(lookup, path, last, rewritten);
}

}  // namespace

std::string path_from(const Directory* root, std::string path, std::string_view outside) {
  if (root == nullptr) return path;
  const auto start = root->path();
  if (!start || *start == "/") return path;
  if (!path.starts_with(*start) || (path.size() > start->size() && path[start->size()] != '/'))
    return std::string{outside} += path;
  path.erase(0, start->size());
  return path.empty() ? "/" : path;
}

Result<std::string> path_from(const Directory* root, const Node& node, std::string_view outside) {
  auto path = node.path();
  if (!path || root == nullptr) return path;
  return path_from(root, std::move(*path), outside);
}

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
