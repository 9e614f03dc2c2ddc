// Creating and removing names, which is possible only in writable directories: /tmp and shared
// folders. Elsewhere the error is EROFS, or EXDEV for a rename from one place to another. A name of
// the wrong kind has its usual error everywhere.
//
// These calls run in the strand, or while the caller shares it. would_block: the call needs the
// strand.

#include "files/device.h"
#include "files/fifo.h"
#include "files/inotify.h"
#include "files/regular_file.h"
#include "files/unix_endpoint.h"
#include "syscalls/files.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"

namespace kernel::sys {
namespace {

/// Whether a change of the name must be noted (inotify), and the caller shares the strand.
bool must_be_noted_in_strand(const Found& found) {
  if (!has_watches() || async::Strand::is_held()) return false;
  return is_watched(*found.directory) || (found.node != nullptr && found.node->has_watch());
}

/// Creates a node at `path`. EEXIST if there is one; ENOENT if the path ends in a slash and the
/// node is no directory; errors of check_new_node(). `make_remote(remote, name)` is the task of a
/// remote directory that makes it.
template <class Make, class MakeRemote>
Result<> make_node(Thread& self, int directory, UserPtr<const char> path, std::size_t bytes,
                   Make&& make, MakeRemote&& make_remote) {
  const auto found = find(self, directory, path, LastLink::name);
  if (!found) return fail(found.error());
  if (found->node != nullptr) return fail(Errno::eexist);
  using Made = decltype(make());
  if (found->as_directory && !std::is_same_v<Made, Ref<Directory>>) return fail(Errno::enoent);
  if (found->directory->is_remote()) [[unlikely]] {
    if (auto allowed = check_new_name(*found); !allowed) return allowed;
    return self.wait([&] { return make_remote(*found->directory->remote(), found->name); });
  }
  if (auto allowed = check_new_node(*found, bytes); !allowed) return allowed;
  if (must_be_noted_in_strand(*found)) return fail(Errno::would_block);
  const bool is_directory = std::is_same_v<Made, Ref<Directory>>;
  auto added = found->directory->add(found->name, make());
  if (added) {
    note_name(*found->directory, found->name, abi::in_create | (is_directory ? abi::in_isdir : 0u));
  }
  return added;
}

/// Whether `directory` is `ancestor` or is below it.
bool is_inside(Directory& directory, const Node& ancestor) {
  for (Directory* at = &directory;; at = &at->parent()) {
    if (at == &ancestor) return true;
    if (at == &at->parent()) return false;
  }
}

/// Exchanges two names (RENAME_EXCHANGE), in writable directories.
Result<> exchange(const Found& from, const Found& to) {
  if (to.node == nullptr) return fail(Errno::enoent);
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  const auto is_wrong = [](const Found& found) {
    return found.as_directory && found.node->as_directory() == nullptr;
  };
  if (is_wrong(from) || is_wrong(to)) return fail(Errno::enotdir);
  if (is_inside(*to.directory, *from.node) || is_inside(*from.directory, *to.node))
    return fail(Errno::einval);
  if (auto allowed = check_new_name(from); !allowed) return allowed;
  if (auto allowed = check_new_name(to); !allowed) return allowed;
  if (from.node == to.node) return {};
  Directory::exchange(*from.directory, from.name, *to.directory, to.name);
  note_rename(*from.directory, from.name, *to.directory, to.name, *from.node, nullptr);
  note_rename(*to.directory, to.name, *from.directory, from.name, *to.node, nullptr);
  return {};
}

bool is_mount_point(Node* node) {
  Directory* const directory = node != nullptr ? node->as_directory() : nullptr;
  return directory != nullptr && directory->is_mount_point();
}

/// The file system of a directory that can change: null for that in memory.
const void* file_system_of(Directory& directory) {
  return directory.is_remote() ? directory.remote()->file_system() : nullptr;
}

/// The error of rmdir for a path that does not end in a name (rmdir(2)).
Errno kept(LastName last) {
  switch (last) {
    case LastName::here: return Errno::einval;
    case LastName::above: return Errno::enotempty;
    default: return Errno::ebusy;
  }
}

}  // namespace

Result<> mkdirat(Thread& self, int directory, UserPtr<const char> path, unsigned mode) {
  const unsigned permissions = mode & 01777 & ~self.process().fs().umask();
  return make_node(
      self, directory, path, sizeof(Directory),
      [&] { return make_ref<Directory>(Directory::Contents::writable, permissions); },
      [permissions](Remote& at, std::string_view name) {
        return at.make_directory(name, permissions);
      });
}

Result<> symlinkat(Thread& self, UserPtr<const char> target, int directory,
                   UserPtr<const char> path) {
  const Path text{self, target};
  if (!text) return fail(text.error());
  if ((*text).empty()) return fail(Errno::enoent);
  const std::size_t bytes = sizeof(Symlink) + (*text).size();
  return make_node(
      self, directory, path, bytes, [&] { return make_ref<Symlink>(*text); },
      [&](Remote& at, std::string_view name) { return at.make_symlink(name, *text); });
}

Result<> unlinkat(Thread& self, int directory, UserPtr<const char> path, int flags) {
  constexpr int remove_directory = 0x200;  // AT_REMOVEDIR
  if ((flags & ~remove_directory) != 0) return fail(Errno::einval);
  const auto found = find(self, directory, path, LastLink::name);
  if (!found) return fail(found.error());
  if (found->last != LastName::name) return fail(flags == 0 ? Errno::eisdir : kept(found->last));
  const bool is_writable = found->directory->is_writable();
  if (found->node == nullptr && !is_writable) return fail(Errno::erofs);
  const auto node = found->existing();
  if (!node) return fail(node.error());
  Directory* const victim = (*node)->as_directory();
  if (flags != 0 && victim == nullptr) return fail(Errno::enotdir);
  if (flags == 0 && victim != nullptr) return fail(Errno::eisdir);
  if (victim != nullptr && victim->is_mount_point()) return fail(Errno::ebusy);
  if (!is_writable) return fail(Errno::erofs);
  if (found->directory->is_remote()) [[unlikely]] {
    return self.wait(
        [&] { return found->directory->remote()->remove(found->name, victim != nullptr); });
  }
  if (must_be_noted_in_strand(*found)) return fail(Errno::would_block);
  if (victim != nullptr) {
    if (auto closed = victim->close(); !closed) return closed;
  }
  if (!has_watches() || !async::Strand::is_held()) [[likely]]
    return found->directory->remove(found->name, **node);
  const auto removed_node = Ref<Node>::share(**node);
  auto removed = found->directory->remove(found->name, *removed_node);
  if (removed) note_unlink(*found->directory, found->name, *removed_node);
  return removed;
}

Result<> renameat2(Thread& self, int old_directory, UserPtr<const char> old_path, int directory,
                   UserPtr<const char> path, unsigned flags) {
  constexpr unsigned no_replace = abi::rename_noreplace;
  const bool exchanges = flags == abi::rename_exchange;
  if (flags != 0 && flags != no_replace && !exchanges) return fail(Errno::einval);
  const auto from = find(self, old_directory, old_path, LastLink::name);
  if (!from) return fail(from.error());
  const auto to = find(self, directory, path, LastLink::name);
  if (!to) return fail(to.error());

  // For ".." and "/", `directory` is not the directory in which the path's last name is.
  const auto is_in_directory = [](const Found& found) {
    return found.last == LastName::name || found.last == LastName::here;
  };
  if (is_in_directory(*from) && is_in_directory(*to) &&
      (from->directory->is_writable() != to->directory->is_writable() ||
       from->directory->file_system() != to->directory->file_system() ||
       file_system_of(*from->directory) != file_system_of(*to->directory))) {
    return fail(Errno::exdev);
  }
  if (from->last != LastName::name) return fail(Errno::ebusy);
  if (to->last != LastName::name) return fail(flags == no_replace ? Errno::eexist : Errno::ebusy);
  if (!from->directory->is_writable()) return fail(Errno::erofs);
  if (from->node == nullptr) return fail(Errno::enoent);
  if (from->directory->is_remote() && flags != 0) return fail(Errno::einval);  // 9P has no flags
  if (exchanges) return exchange(*from, *to);
  Directory* const moved = from->node->as_directory();
  const bool in_one_directory = from->directory == to->directory;
  if (moved != nullptr || to->node != nullptr || !in_one_directory) {
    if (!async::Strand::is_held()) return fail(Errno::would_block);
  }
  if (to->node != nullptr && flags == no_replace) return fail(Errno::eexist);
  if (moved == nullptr && (from->as_directory || to->as_directory)) return fail(Errno::enotdir);
  if (moved != nullptr && is_inside(*to->directory, *moved)) return fail(Errno::einval);
  if (to->node != nullptr && is_inside(*from->directory, *to->node)) return fail(Errno::enotempty);
  if (auto allowed = check_new_name(*to); !allowed) return allowed;
  if (is_mount_point(from->node) || is_mount_point(to->node)) return fail(Errno::ebusy);
  if (from->directory->is_remote()) [[unlikely]] {
    return self.wait(
        [&] { return from->directory->remote()->rename(from->name, *to->directory, to->name); });
  }
  if (must_be_noted_in_strand(*from) || must_be_noted_in_strand(*to))
    return fail(Errno::would_block);
  Ref<Node> replaced_node;
  if (to->node != nullptr) {
    if (to->node == from->node) return {};
    const Directory* const replaced = to->node->as_directory();
    if (moved == nullptr && replaced != nullptr) return fail(Errno::eisdir);
    if (moved != nullptr && replaced == nullptr) return fail(Errno::enotdir);
    if (replaced != nullptr && !replaced->entries().empty()) return fail(Errno::enotempty);
    if (has_watches()) replaced_node = Ref<Node>::share(*to->node);
    (void)to->directory->remove(to->name, *to->node);
  }
  const auto move = [&] {
    if (in_one_directory) return from->directory->rename(from->name, to->name, *from->node);
    auto node = Ref<Node>::share(*from->node);
    (void)from->directory->remove(from->name, *node);
    return to->directory->add(to->name, std::move(node));
  };
  auto renamed = move();
  if (has_watches() && renamed && async::Strand::is_held()) [[unlikely]] {
    note_rename(*from->directory, from->name, *to->directory, to->name, *from->node,
                replaced_node.get());
  }
  return renamed;
}

/// flags: the types S_IFREG, S_IFIFO, S_IFCHR, S_IFBLK and S_IFSOCK; EPERM for S_IFDIR, EINVAL for
///   others
/// linux: A program can make files only in /tmp, /dev/shm and folders of the host; elsewhere the
///   error is EROFS. A node of a device can be opened if /dev has it (otherwise ENXIO, as for
///   sockets). Devices in folders of the host fail with EPERM, and FIFOs and sockets there cannot
///   be opened (ENXIO).
Result<> mknodat(Thread& self, int directory, UserPtr<const char> path, unsigned mode,
                 std::uint32_t device) {
  const unsigned permissions = mode & 07777 & ~self.process().fs().umask();
  const auto type = mode & abi::s_ifmt;
  const auto make_remote = [=](Remote& at, std::string_view name) {
    return at.make_node(name, (type == 0 ? abi::s_ifreg : type) | permissions);
  };
  switch (type) {
    case 0:
    case abi::s_ifreg:
      return make_node(
          self, directory, path, sizeof(MemoryFile),
          [&] { return make_ref<MemoryFile>(permissions); }, make_remote);
    case abi::s_ififo:
      return make_node(
          self, directory, path, sizeof(Fifo), [&] { return make_ref<Fifo>(permissions); },
          make_remote);
    case abi::s_ifsock:
      return make_node(
          self, directory, path, sizeof(SocketNode),
          [&] { return make_ref<SocketNode>(permissions); }, make_remote);
    case abi::s_ifchr:
    case abi::s_ifblk: {
      const auto refuse = [](Remote&, std::string_view) -> async::Task<Result<>> {
        co_return fail(Errno::eperm);
      };
      if (!self.process().has(Capability::mknod)) return fail(Errno::eperm);
      return make_node(
          self, directory, path, special_node_bytes,
          [&] { return make_special_node(type | permissions, device); }, refuse);
    }
    case abi::s_ifdir: return fail(Errno::eperm);
    default: return fail(Errno::einval);
  }
}

/// flags: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH; EINVAL for others
/// linux: A program can make links only in /tmp, /dev/shm and folders of the host; elsewhere the
///   error is EROFS.
Result<> linkat(Thread& self, int old_directory, UserPtr<const char> old_path, int directory,
                UserPtr<const char> path, int flags) {
  constexpr std::uint32_t most_links = 65'000;
  if ((flags & ~(abi::at_symlink_follow | abi::at_empty_path)) != 0) return fail(Errno::einval);
  const auto last = (flags & abi::at_symlink_follow) != 0 ? LastLink::follow : LastLink::keep;
  const auto node = node_to_change(self, old_directory, old_path, flags, last);
  if (!node) return fail(node.error());
  const auto found = find(self, directory, path, LastLink::name);
  if (!found) return fail(found.error());
  if (found->node != nullptr || found->last != LastName::name) return fail(Errno::eexist);
  if (found->as_directory) return fail(Errno::enoent);
  if (!found->directory->is_writable()) return fail(Errno::erofs);
  if (*node == nullptr || (*node)->file_system() != found->directory->file_system())
    return fail(Errno::exdev);
  if ((*node)->as_directory() != nullptr) return fail(Errno::eperm);
  if ((*node)->links() == 0 && !(*node)->may_get_name()) return fail(Errno::enoent);
  if ((*node)->links() >= most_links) return fail(Errno::emlink);
  if (found->directory->is_remote()) [[unlikely]] {
    Remote& remote = *found->directory->remote();
    if (!(*node)->is_remote() || (*node)->remote()->file_system() != remote.file_system())
      return fail(Errno::exdev);
    return self.wait([&] { return remote.make_link(found->name, **node); });
  }
  if (auto allowed = check_new_node(*found, 0); !allowed) return allowed;
  auto added = found->directory->add(found->name, Ref<Node>::share(**node));
  if (!added) return added;
  (*node)->note_change();
  note_link(**node);
  note_name(*found->directory, found->name, abi::in_create);
  return {};
}

}  // namespace kernel::sys

namespace kernel {
KERNEL_CALL(mknodat, sys::mknodat);
KERNEL_CALL(linkat, sys::linkat);
}  // namespace kernel
