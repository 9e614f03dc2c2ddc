// The status of files and file systems: permissions, owners, times, statx and statfs.

#include <abi/flags.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "files/file_quota.h"
#include "files/inotify.h"
#include "memory/frames.h"
#include "syscalls/files.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

/// The node of the descriptor `fd`. EBADF also for a file that was opened with O_PATH. EPERM: it is
/// a pipe.
Result<Node*> node_of(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->node() == nullptr) return fail(Errno::eperm);
  return file->node();
}

/// `node`, if programs may change its status. EPERM: it is null, as for a pipe; EROFS.
Result<Node*> settable(Result<Node*> node) {
  if (!node) return node;
  if (*node == nullptr) return fail(Errno::eperm);
  if (!(*node)->has_settable_status()) return fail(Errno::erofs);
  return node;
}

/// In the strand, or the error would_block: the call needs the strand.
Result<> change_remote(Thread& self, Node& node, const AttributeChange& change) {
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  return self.wait([&] { return node.remote()->set_attributes(change); });
}

/// The change that utimensat() asks for.
AttributeChange change_of_times(const std::array<abi::Timespec, 2>& wanted) {
  const auto chosen = [](const abi::Timespec& time) -> std::optional<AttributeChange::Time> {
    if (time.nanoseconds == abi::utime_omit) return {};
    if (time.nanoseconds == abi::utime_now) return AttributeChange::Time{};
    return AttributeChange::Time{time};
  };
  return {.accessed = chosen(wanted[0]), .modified = chosen(wanted[1])};
}

abi::StatFs to_statfs(const FileSystemFacts& facts) {
  constexpr std::int64_t is_valid_flag = 0x20;
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return {.type = number(facts.type),
          .block_size = number(facts.block_bytes),
          .blocks = facts.blocks,
          .free_blocks = facts.free_blocks,
          .available_blocks = facts.available_blocks,
          .files = facts.files,
          .free_files = facts.free_files,
          .id = {static_cast<std::int32_t>(0x20), 0},
          .longest_name = number(facts.longest_name),
          .fragment_size = number(facts.block_bytes),
          .flags = is_valid_flag};
}

/// statfs of a remote node.
async::Task<Result<>> write_facts(Thread& self, Ref<Node> node, UserPtr<abi::StatFs> to) {
  const auto facts = co_await node->remote()->facts();
  if (!facts) co_return fail(facts.error());
  co_return to.write(self.space(), to_statfs(*facts));
}

Result<> set_mode(Thread& self, Result<Node*> found, unsigned mode) {
  const auto node = settable(found);
  if (!node) return fail(node.error());
  if ((*node)->is_symlink()) return fail(Errno::enotsup);
  if ((*node)->is_remote()) [[unlikely]]
    return change_remote(self, **node, {.mode = mode & 07777});
  (*node)->set_permissions(mode);
  (*node)->note_change();
  note_event(**node, abi::in_attrib);
  return {};
}

Result<> set_owner(Thread& self, Result<Node*> found, std::uint32_t uid, std::uint32_t gid) {
  constexpr std::uint32_t unchanged = ~std::uint32_t{0};
  const auto settable_node = settable(found);
  if (!settable_node) return fail(settable_node.error());
  Node& node = **settable_node;
  if (node.is_remote()) [[unlikely]] {
    AttributeChange change;
    if (uid != unchanged) change.uid = uid;
    if (gid != unchanged) change.gid = gid;
    return change_remote(self, node, change);
  }
  node.set_owner(uid == unchanged ? node.uid() : uid, gid == unchanged ? node.gid() : gid);
  if (node.as_directory() == nullptr && !node.is_symlink()) {
    unsigned bits = node.mode() & ~abi::s_isuid;
    if ((bits & abi::s_ixgrp) != 0) bits &= ~abi::s_isgid;
    node.set_permissions(bits);
  }
  node.note_change();
  note_event(node, abi::in_attrib);
  return {};
}

/// A time of utimensat() in nanoseconds since 1970, clamped to the range of Node's times.
std::int64_t to_ns(const abi::Timespec& time) {
  std::int64_t ns;
  if (__builtin_mul_overflow(time.seconds, ns_per_second, &ns) ||
      __builtin_add_overflow(ns, time.nanoseconds, &ns)) {
    using Limits = std::numeric_limits<std::int64_t>;
    return time.seconds < 0 ? Limits::min() : Limits::max();
  }
  return ns;
}

bool is_valid(const abi::Timespec& time) {
  const std::int64_t ns = time.nanoseconds;
  return ns == abi::utime_now || ns == abi::utime_omit || (ns >= 0 && ns < ns_per_second);
}

std::int64_t chosen(const abi::Timespec& time, std::int64_t now, std::int64_t before) {
  if (time.nanoseconds == abi::utime_now) return now;
  return time.nanoseconds == abi::utime_omit ? before : to_ns(time);
}

abi::StatxTime to_statx_time(const abi::Timespec& time) {
  return {.seconds = time.seconds, .nanoseconds = static_cast<std::uint32_t>(time.nanoseconds)};
}

constexpr std::uint32_t major_of(std::uint64_t device) {
  return device >> 8 & 0xfff;
}
constexpr std::uint32_t minor_of(std::uint64_t device) {
  return device & 0xff;
}

abi::Statx to_statx(const abi::Stat& status, const Node* node) {
  abi::Statx answer{
      .mask = abi::statx_basic_stats | abi::statx_mnt_id,
      .block_size = static_cast<std::uint32_t>(status.block_size),
      .links = status.links,
      .uid = status.uid,
      .gid = status.gid,
      .mode = static_cast<std::uint16_t>(status.mode),
      .inode = status.inode,
      .size = static_cast<std::uint64_t>(status.size),
      .blocks = static_cast<std::uint64_t>(status.blocks),
      .attributes_mask = abi::statx_attr_mount_root,
      .accessed = to_statx_time(status.accessed),
      .changed = to_statx_time(status.changed),
      .modified = to_statx_time(status.modified),
      .special_major = major_of(status.special_device),
      .special_minor = minor_of(status.special_device),
      .major = major_of(status.device),
      .minor = minor_of(status.device),
      .mount = status.device,
  };
  if (node == nullptr || node->is_remote()) return answer;
  answer.mask |= abi::statx_btime;
  answer.created = to_statx_time(node->created());
  const auto* const directory = const_cast<Node*>(node)->as_directory();
  if (directory != nullptr && (directory->is_mount_point() || directory == &root_directory()))
    answer.attributes = abi::statx_attr_mount_root;
  return answer;
}

/// The status of a file system. Null: that of pipes.
abi::StatFs status_of_system(const Node* node) {
  constexpr std::int64_t pipe_magic = 0x5049'5045, memory_magic = 0x0102'1994,
                         archive_magic = 0x8584'58f6, process_magic = 0x9fa0,
                         system_magic = 0x6265'6572;
  constexpr std::int64_t is_valid_flag = 0x20, read_only = 1, relative_times = 0x1000;
  using System = Node::FileSystem;
  const System system = node != nullptr ? node->file_system() : System::none;
  abi::StatFs answer{.type = memory_magic,
                     .block_size = hal::page_size,
                     .id = {static_cast<std::int32_t>(system), 0},
                     .longest_name = longest_name,
                     .fragment_size = hal::page_size,
                     .flags = is_valid_flag | relative_times};
  switch (system) {
    case System::none: answer.type = node == nullptr ? pipe_magic : memory_magic; break;
    case System::root:
      answer.type = archive_magic;
      answer.flags |= read_only;
      break;
    case System::processes: answer.type = process_magic; break;
    case System::system: answer.type = system_magic; break;
    case System::devices: break;
    case System::temporary:
    case System::shared_memory: {
      // Files may use as much memory as they leave free (files/file_quota.h).
      const std::uint64_t used = file_quota::bytes_of_files.sum() / hal::page_size;
      const std::uint64_t free = memory::frames.free_for_user();
      answer.free_blocks = answer.available_blocks = free > used ? (free - used) / 2 : 0;
      answer.blocks = used + answer.free_blocks;
      answer.files = answer.blocks;
      answer.free_files = answer.free_blocks;
      break;
    }
  }
  return answer;
}

Result<> write_status_of_system(Thread& self, Node* node, UserPtr<abi::StatFs> to) {
  if (node != nullptr && node->is_remote()) [[unlikely]] {
    if (!async::Strand::is_held()) return fail(Errno::would_block);
    return self.wait([&] { return write_facts(self, Ref<Node>::share(*node), to); });
  }
  return to.write(self.space(), status_of_system(node));
}

}  // namespace

/// linux: A file outside /tmp, /dev and folders of the host fails with EROFS. Pipes, sockets and
///   other files without a node fail with EPERM.
Result<> fchmod(Thread& self, int fd, unsigned mode) {
  return set_mode(self, node_of(self, fd), mode);
}

/// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH; EINVAL for others
/// linux: As `fchmod`.
Result<> fchmodat2(Thread& self, int directory, UserPtr<const char> path, unsigned mode,
                   int flags) {
  if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path)) != 0) return fail(Errno::einval);
  return set_mode(self, node_to_change(self, directory, path, flags, last_link(flags)), mode);
}

/// linux: As `fchmod`.
Result<> fchmodat(Thread& self, int directory, UserPtr<const char> path, unsigned mode) {
  return fchmodat2(self, directory, path, mode, 0);
}

/// linux: The kernel stores the owner, and no call checks it. A file outside /tmp, /dev and folders
///   of the host fails with EROFS. Pipes, sockets and other files without a node fail with EPERM.
Result<> fchown(Thread& self, int fd, std::uint32_t uid, std::uint32_t gid) {
  return set_owner(self, node_of(self, fd), uid, gid);
}

/// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH; EINVAL for others
/// linux: As `fchown`.
Result<> fchownat(Thread& self, int directory, UserPtr<const char> path, std::uint32_t uid,
                  std::uint32_t gid, int flags) {
  if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path)) != 0) return fail(Errno::einval);
  return set_owner(self, node_to_change(self, directory, path, flags, last_link(flags)), uid, gid);
}

Result<> set_times(Thread& self, int directory, UserPtr<const char> path, const FileTimes& wanted,
                   int flags) {
  if (!std::ranges::all_of(wanted, is_valid)) return fail(Errno::einval);
  Result<Node*> found = fail(Errno::einval);
  if (!path && directory != abi::at_fdcwd) {
    if (flags == 0) found = node_of(self, directory);
  } else if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path)) == 0) {
    found = node_to_change(self, directory, path, flags, last_link(flags));
  }
  const auto node = settable(found);
  if (!node) return fail(node.error());
  if ((*node)->is_remote()) [[unlikely]]
    return change_remote(self, **node, change_of_times(wanted));
  const std::int64_t now = Node::wall_clock_now();
  const Node::Times before = (*node)->times();
  (*node)->set_times(chosen(wanted[0], now, before.accessed),
                     chosen(wanted[1], now, before.modified));
  // As fsnotify_change() of Linux 6.12 (include/linux/fsnotify.h).
  const bool keeps_accessed = wanted[0].nanoseconds == abi::utime_omit;
  const bool keeps_modified = wanted[1].nanoseconds == abi::utime_omit;
  note_event(**node, keeps_accessed   ? abi::in_modify
                     : keeps_modified ? abi::in_access
                                      : abi::in_attrib);
  return {};
}

/// flags: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH; EINVAL for others
/// linux: A time before 1677 or after 2262 becomes the nearest of these. A file outside /tmp, /dev
///   and folders of the host fails with EROFS. Pipes, sockets and other files without a node fail
///   with EPERM.
Result<> utimensat(Thread& self, int directory, UserPtr<const char> path, std::uintptr_t times,
                   int flags) {
  FileTimes wanted = times_now;
  if (times != 0) {
    const UserSpan<const abi::Timespec> from{times, wanted.size()};
    if (auto read = from.read(self.space(), wanted); !read) return read;
    const auto is_omitted = [](const abi::Timespec& time) {
      return time.nanoseconds == abi::utime_omit;
    };
    if (std::ranges::all_of(wanted, is_omitted)) return {};
  }
  return set_times(self, directory, path, wanted, flags);
}

Result<> statx(Thread& self, int directory, UserPtr<const char> path, int flags, unsigned mask,
               UserPtr<abi::Statx> to) {
  constexpr int known = abi::at_symlink_nofollow | abi::at_empty_path | abi::at_no_automount |
                        abi::at_statx_sync_type;
  if ((mask & abi::statx_reserved) != 0 || (flags & ~known) != 0 ||
      (flags & abi::at_statx_sync_type) == abi::at_statx_sync_type)
    return fail(Errno::einval);
  const auto node = node_to_change(self, directory, path, flags, last_link(flags));
  if (!node) return fail(node.error());
  if (*node != nullptr) {
    if (auto fresh = refresh(**node); !fresh) return fresh;
  }
  if (*node != nullptr) return to.write(self.space(), to_statx((*node)->status(), *node));
  File* const file = self.process().files().find(directory);
  if (file == nullptr) return fail(Errno::ebadf);  // another thread has closed it
  return to.write(self.space(), to_statx(file->status(), nullptr));
}

/// linux: /, /dev and /proc have no blocks. The blocks of /tmp are those in use, and half of the
///   free memory.
Result<> statfs(Thread& self, UserPtr<const char> path, UserPtr<abi::StatFs> to) {
  const auto node = find_node(self, abi::at_fdcwd, path, LastLink::follow);
  if (!node) return fail(node.error());
  return write_status_of_system(self, *node, to);
}

/// linux: As `statfs`.
Result<> fstatfs(Thread& self, int fd, UserPtr<abi::StatFs> to) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  return write_status_of_system(self, file->node(), to);
}

}  // namespace sys

KERNEL_CALL(fchmod, sys::fchmod);
KERNEL_CALL(fchmodat, sys::fchmodat);
KERNEL_CALL(fchmodat2, sys::fchmodat2);
KERNEL_CALL(fchown, sys::fchown);
KERNEL_CALL(fchownat, sys::fchownat);
KERNEL_CALL(utimensat, sys::utimensat);
KERNEL_CALL(statfs, sys::statfs);
KERNEL_CALL(fstatfs, sys::fstatfs);

}  // namespace kernel
