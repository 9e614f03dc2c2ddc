#include "syscalls/paths.h"

#include "files/file_quota.h"

namespace kernel::sys {

Result<PathLookup> lookup_from(Thread& self, int fd, std::string_view path) {
  const LinkReader reader = reader_of(self);
  Directory& here = *self.process().fs().directory();
  if (fd == abi::at_fdcwd || path.starts_with('/'))
    return PathLookup{here, reader, Fetched::of_attempt()};
  if (path.empty()) return fail(Errno::enoent);
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  Directory* const directory = file->node() ? file->node()->as_directory() : nullptr;
  if (directory == nullptr) return fail(Errno::enotdir);
  return PathLookup{*directory, reader, Fetched::of_attempt()};
}

/// find() with RESOLVE_IN_ROOT: as after a chroot to the start of the lookup.
[[gnu::cold]] static Result<Found> find_in_root(Thread& self, int fd, std::string_view path,
                                                LastLink last, std::uint64_t resolve) {
  const std::string_view relative = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  auto lookup = lookup_from(self, fd, relative.empty() && !path.empty() ? "." : relative);
  if (!lookup) return fail(lookup.error());
  lookup->reader.root = &lookup->start;
  lookup->resolve = resolve;
  return kernel::find(*lookup, path, last);
}

Result<Node*> node_at(Thread& self, int fd) {
  if (fd == abi::at_fdcwd) return self.process().fs().directory().get();
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return file->node();
}

Result<Found> find(Thread& self, int fd, UserPtr<const char> path, LastLink last,
                   std::uint64_t resolve) {
  const Path text{self, path};
  if (!text) return fail(text.error());
  if ((resolve & abi::resolve_in_root) != 0) [[unlikely]]
    return find_in_root(self, fd, *text, last, resolve);
  return lookup_from(self, fd, *text).and_then([&](PathLookup lookup) {
    lookup.resolve = resolve;
    return kernel::find(lookup, *text, last);
  });
}

Result<Node*> find_node(Thread& self, int fd, UserPtr<const char> path, LastLink last) {
  const Path text{self, path};
  if (!text) return fail(text.error());
  return find_node(self, fd, *text, last);
}

Result<Node*> find_node(Thread& self, int fd, std::string_view path, LastLink last) {
  return lookup_from(self, fd, path).and_then([&](const PathLookup& lookup) {
    return kernel::find_node(lookup, path, last);
  });
}

Result<Node*> node_to_change(Thread& self, int fd, UserPtr<const char> path, int flags,
                             LastLink last) {
  const bool may_be_empty = (flags & abi::at_empty_path) != 0;
  if (!path && may_be_empty) return node_at(self, fd);
  const Path text{self, path};
  if (!text) return fail(text.error());
  if ((*text).empty() && may_be_empty) return node_at(self, fd);
  return find_node(self, fd, *text, last);
}

Result<> check_new_name(const Found& place) {
  if (place.directory->is_removed()) return fail(in_strand(Errno::enoent));
  if (!place.directory->is_writable()) return fail(Errno::erofs);
  // A rename that replaces a name also allocates memory for the name.
  const std::size_t bytes = Directory::entry_bytes + place.name.size() + 1;
  if (!memory::can_allocate(bytes)) return fail(in_strand(Errno::enospc));
  return {};
}

Result<> check_new_node(const Found& place, std::size_t node_bytes) {
  if (auto allowed = check_new_name(place); !allowed) return allowed;
  const std::size_t bytes = Directory::entry_bytes + place.name.size() + 1 + node_bytes;
  if (!file_quota::has(bytes)) return fail(in_strand(Errno::enospc));
  return {};
}

}  // namespace kernel::sys
