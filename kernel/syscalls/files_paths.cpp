// Opening files by path, and reading their status.

#include <algorithm>
#include <array>

#include "files/file_quota.h"
#include "files/inotify.h"
#include "files/regular_file.h"
#include "syscalls/files.h"
#include "syscalls/outside.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel::sys {
namespace {

constexpr int for_opening_only =
    abi::o_creat | abi::o_excl | abi::o_noctty | abi::o_trunc | abi::o_cloexec;

/// O_TRUNC changes the file, whatever the access mode.
bool wants_to_change(int flags) {
  return (flags & abi::o_accmode) != abi::o_rdonly || (flags & abi::o_trunc) != 0;
}

/// Opens a node that exists.
Result<Ref<File>> open_existing(const Found& found, int flags) {
  const bool create = (flags & abi::o_creat) != 0;
  if (create && (flags & abi::o_excl) != 0) return fail(Errno::eexist);
  const bool is_directory = found.node->as_directory() != nullptr;
  if (is_directory && (create || wants_to_change(flags))) return fail(Errno::eisdir);
  if (!is_directory && (flags & abi::o_directory) != 0) return fail(Errno::enotdir);
  const auto node = found.existing();
  if (!node) return fail(node.error());
  if ((*node)->is_remote()) [[unlikely]] {
    Fetched* const fetched = Fetched::of_attempt();
    if (fetched == nullptr) return fail(Errno::would_block);
    return fetched->open(**node, flags & ~(for_opening_only & ~abi::o_trunc));
  }
  const bool empties = (flags & abi::o_trunc) != 0 && (*node)->type() == abi::s_ifreg;
  if (!async::Strand::is_held()) {
    const bool is_usual = !empties && (flags & (abi::o_path | abi::o_directory)) == 0;
    if (!is_usual || is_watched(**node)) return fail(Errno::would_block);
    auto file = (*node)->open_sharing(flags & ~for_opening_only);
    return file ? std::move(file) : fail(Errno::would_block);
  }
  const bool is_device = (*node)->type() == abi::s_ifchr;  // it may become the caller's terminal
  const int dropped = is_device ? for_opening_only & ~abi::o_noctty : for_opening_only;
  auto file = (*node)->open(flags & ~dropped);
  if (!file) return file;
  if ((is_directory || (*node)->type() == abi::s_ifreg) && (flags & abi::o_path) == 0)
    note_event(**node, abi::in_open);
  if (!empties) return file;
  if (auto emptied = (*node)->resize(0); !emptied) return fail(emptied.error());
  (*node)->note_modification();
  note_event(**node, abi::in_modify);
  return file;
}

/// Creates a file, and opens it. No other hart finds the file before it is open.
Result<Ref<File>> create(Thread& self, const Found& found, int flags, unsigned mode) {
  if (found.directory->is_remote()) [[unlikely]] {
    if (auto allowed = check_new_name(found); !allowed) return fail(allowed.error());
    const unsigned permissions = mode & 07777 & ~self.process().fs().umask();
    Fetched* const fetched = Fetched::of_attempt();
    if (fetched == nullptr) return fail(Errno::would_block);
    return fetched->create(*found.directory, found.name, flags, permissions);
  }
  if (auto allowed = check_new_node(found, sizeof(MemoryFile)); !allowed) {
    return fail(allowed.error());
  }
  if (is_watched(*found.directory) && !async::Strand::is_held()) return fail(Errno::would_block);
  auto node = make_ref<MemoryFile>(mode & 07777 & ~self.process().fs().umask());
  auto file = node->open(flags & ~for_opening_only);
  if (!file) return fail(in_strand(file.error()));
  Node& created = *node;
  if (auto added = found.directory->add(found.name, std::move(node)); !added)
    return fail(added.error());
  if (is_watched(created)) [[unlikely]] {
    note_name(*found.directory, found.name, abi::in_create);
    note_event(created, abi::in_open);
  }
  return file;
}

/// Creates a file without a name in the file system of a directory, and opens it (O_TMPFILE).
/// ENOTDIR; EROFS; EOPNOTSUPP: a folder of the host; ENOSPC; would_block: the caller shares the
/// strand.
Result<Ref<File>> create_without_name(Thread& self, const Found& found, int flags, unsigned mode) {
  const auto node = found.existing();
  if (!node) return fail(node.error());
  Directory* const directory = (*node)->as_directory();
  if (directory == nullptr) return fail(Errno::enotdir);
  if (!directory->is_writable()) return fail(Errno::erofs);
  if (directory->is_remote()) return fail(Errno::enotsup);
  if (!async::Strand::is_held()) return fail(Errno::would_block);
  if (!memory::can_allocate(sizeof(MemoryFile)) || !file_quota::has(sizeof(MemoryFile)))
    return fail(Errno::enospc);
  auto created = make_ref<MemoryFile>(mode & 07777 & ~self.process().fs().umask());
  created->set_file_system(directory->file_system());
  created->begin_without_name((flags & abi::o_excl) == 0);
  return created->open(flags & ~for_opening_only);
}

/// `flags` without those that openat ignores. EINVAL.
Result<int> used_open_flags(int flags) {
  if ((flags & abi::o_path) != 0)
    flags &= abi::o_path | abi::o_directory | abi::o_nofollow | abi::o_cloexec;
  const bool creates = (flags & abi::o_creat) != 0;
  if (creates && (flags & abi::o_directory) != 0) return fail(Errno::einval);
  if ((flags & abi::o_tmpfile) != 0) [[unlikely]] {
    flags &= ~abi::o_trunc;  // the file is empty
    const bool writes = (flags & abi::o_accmode) != abi::o_rdonly;
    if (!writes || (flags & abi::o_directory) == 0) return fail(Errno::einval);
  }
  return flags;
}

/// access(2) for the superuser.
Result<> check_access(const Node& node, int mode) {
  if ((mode & abi::w_ok) != 0 && !node.is_writable()) return fail(Errno::erofs);
  if ((mode & abi::x_ok) != 0 && node.type() != abi::s_ifdir && !node.is_executable()) {
    return fail(Errno::eacces);
  }
  return {};
}

}  // namespace

Result<Ref<File>> open_file(Thread& self, int directory, UserPtr<const char> path, int flags,
                            unsigned mode, std::uint64_t resolve) {
  const auto checked = used_open_flags(flags);
  if (!checked) return fail(checked.error());
  flags = *checked;
  const bool creates = (flags & abi::o_creat) != 0;
  const bool keeps_link = (creates && (flags & abi::o_excl) != 0) || (flags & abi::o_nofollow) != 0;
  const LastLink last = keeps_link ? LastLink::keep : LastLink::follow;
  const auto found = find(self, directory, path, last, resolve);
  if (!found) return fail(found.error());
  if ((flags & abi::o_tmpfile) != 0) [[unlikely]]
    return create_without_name(self, *found, flags, mode);
  if (creates && found->as_directory && found->last == LastName::name) return fail(Errno::eisdir);
  if (found->node != nullptr) return open_existing(*found, flags);
  return creates ? create(self, *found, flags, mode) : fail(Errno::enoent);
}

namespace {

/// A new descriptor, for a caller that shares the strand. If the table needs memory, the caller
/// enters the strand for it: the file may be new, so the call cannot be made again.
[[gnu::noinline]] Result<int> add_sharing(FdTable& files, Ref<File>& file, bool close_on_exec) {
  const auto fd = files.add(file, close_on_exec);
  if (!blocks(fd)) return fd;
  async::Strand::stop_sharing();
  const auto added = files.add(std::move(file), close_on_exec);
  async::Strand::share_instead();
  return added;
}

/// Ends a call that has opened `file`: puts it into `opened` and returns 0; if `opened` is null,
/// returns a new descriptor. EMFILE, ENOMEM.
Result<int> pass_file(Thread& self, Ref<File> file, bool close_on_exec, Ref<File>* opened) {
  if (opened == nullptr) {
    FdTable& files = self.process().files();
    if (async::Strand::is_shared()) [[unlikely]]
      return add_sharing(files, file, close_on_exec);
    return files.add(std::move(file), close_on_exec);
  }
  *opened = std::move(file);
  return 0;
}

/// Waits until the FIFO's other end is opened. EINTR: the end that the caller has opened is closed.
async::Task<Result<int>> finish_opening(Thread& self, Ref<File> file, bool close_on_exec,
                                        Ref<File>* opened) {
  while (async::WaitList* const partner = file->partner()) {
    if (co_await partner->wait("open") != async::WaitResult::woken) co_return fail(Errno::eintr);
  }
  co_return pass_file(self, std::move(file), close_on_exec, opened);
}

}  // namespace

/// The end of openat and openat2, which may wait. `opened`: see pass_file().
static trap::Answer<Result<int>> add_opened(Thread& self, Result<Ref<File>> file, int flags,
                                            Ref<File>* opened = nullptr) {
  if (!file) return fail(file.error());
  const bool close_on_exec = (flags & abi::o_cloexec) != 0;
  if ((*file)->may_wait_to_open() && (*file)->partner() != nullptr) [[unlikely]] {
    return self.wait([&] { return finish_opening(self, std::move(*file), close_on_exec, opened); });
  }
  return pass_file(self, std::move(*file), close_on_exec, opened);
}

trap::Answer<Result<int>> open_node(Thread& self, Node& node, int flags) {
  const auto checked = used_open_flags(flags);
  if (!checked) return fail(checked.error());
  const Found found{.directory = nullptr, .name = {}, .node = &node, .as_directory = false};
  return add_opened(self, open_existing(found, *checked), flags);
}

trap::Answer<Result<int>> openat(Thread& self, int directory, UserPtr<const char> path, int flags,
                                 unsigned mode) {
  return add_opened(self, open_file(self, directory, path, flags, mode), flags);
}

trap::Answer<Result<int>> openat_into(Thread& self, Ref<File>& opened, int directory,
                                      UserPtr<const char> path, int flags, unsigned mode) {
  return add_opened(self, open_file(self, directory, path, flags, mode), flags, &opened);
}

namespace {

/// The request of openat2, whose later versions may have more members: they must be 0. EINVAL,
/// E2BIG, EFAULT.
Result<abi::OpenHow> read_request(Thread& self, UserPtr<const abi::OpenHow> from,
                                  std::size_t size) {
  if (size < sizeof(abi::OpenHow)) return fail(Errno::einval);
  if (size > hal::page_size) return fail(Errno::e2big);
  std::size_t rest = size - sizeof(abi::OpenHow);
  for (auto at = from.address() + sizeof(abi::OpenHow); rest > 0;) {
    std::array<std::byte, 64> bytes{};
    const auto some = std::span{bytes}.first(std::min(rest, bytes.size()));
    if (auto read = memory::copy_from_user(self.space(), some.data(), at, some.size()); !read)
      return fail(read.error());
    if (std::ranges::any_of(some, [](std::byte byte) { return byte != std::byte{}; }))
      return fail(Errno::e2big);
    at += some.size();
    rest -= some.size();
  }
  return from.read(self.space());
}

/// EINVAL: flags that openat ignores; EAGAIN: RESOLVE_CACHED, and the call may change the file.
Result<> check_request(const abi::OpenHow& how) {
  constexpr int o_dsync = 010000, o_noatime = 01000000, o_sync = 04000000;
  constexpr std::uint64_t known =
      abi::o_accmode | abi::o_creat | abi::o_excl | abi::o_noctty | abi::o_trunc | abi::o_append |
      abi::o_nonblock | abi::o_direct | abi::o_largefile | abi::o_directory | abi::o_nofollow |
      abi::o_cloexec | abi::o_path | abi::o_tmpfile | o_dsync | abi::o_async | o_noatime | o_sync;
  constexpr std::uint64_t with_path =
      abi::o_path | abi::o_directory | abi::o_nofollow | abi::o_cloexec;
  constexpr std::uint64_t all_resolves = abi::resolve_no_xdev | abi::resolve_no_magiclinks |
                                         abi::resolve_no_symlinks | abi::resolve_beneath |
                                         abi::resolve_in_root | abi::resolve_cached;
  constexpr std::uint64_t places = abi::resolve_beneath | abi::resolve_in_root;
  const bool creates = (how.flags & (abi::o_creat | abi::o_tmpfile)) != 0;
  if ((how.flags & ~known) != 0 || (how.resolve & ~all_resolves) != 0) return fail(Errno::einval);
  if ((how.resolve & places) == places) return fail(Errno::einval);
  if (creates ? (how.mode & ~std::uint64_t{07777}) != 0 : how.mode != 0) return fail(Errno::einval);
  if ((how.flags & abi::o_creat) != 0 && (how.flags & abi::o_directory) != 0)
    return fail(Errno::einval);
  if ((how.flags & abi::o_path) != 0 && (how.flags & ~with_path) != 0) return fail(Errno::einval);
  const bool changes = (how.flags & (abi::o_creat | abi::o_trunc | abi::o_tmpfile)) != 0;
  if ((how.resolve & abi::resolve_cached) != 0 && changes) return fail(Errno::eagain);
  return {};
}

}  // namespace

/// openat2. `opened`: see pass_file().
static trap::Answer<Result<int>> open_by_request(Thread& self, int directory,
                                                 UserPtr<const char> path,
                                                 UserPtr<const abi::OpenHow> request,
                                                 std::size_t size, Ref<File>* opened) {
  const auto how = read_request(self, request, size);
  if (!how) return fail(how.error());
  if (auto allowed = check_request(*how); !allowed) return fail(allowed.error());
  const int flags = static_cast<int>(how->flags);
  auto file =
      open_file(self, directory, path, flags, static_cast<unsigned>(how->mode), how->resolve);
  const bool needs_server = blocks(file) && Fetched::of_attempt() == nullptr;
  if (needs_server && (how->resolve & abi::resolve_cached) != 0) return fail(Errno::eagain);
  return add_opened(self, std::move(file), flags, opened);
}

/// flags: Those of `openat`; EINVAL for others. RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS,
///   RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED; EINVAL for others
/// linux: As `openat`. RESOLVE_CACHED fails with EAGAIN for names in folders of the host.
trap::Answer<Result<int>> openat2(Thread& self, int directory, UserPtr<const char> path,
                                  UserPtr<const abi::OpenHow> request, std::size_t size) {
  return open_by_request(self, directory, path, request, size, nullptr);
}

trap::Answer<Result<int>> openat2_into(Thread& self, Ref<File>& opened, int directory,
                                       UserPtr<const char> path,
                                       UserPtr<const abi::OpenHow> request, std::size_t size) {
  return open_by_request(self, directory, path, request, size, &opened);
}

Result<> fstat(Thread& self, int fd, UserPtr<abi::Stat> status) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (auto fresh = refresh(*file); !fresh) return fresh;
  return status.write(self.space(), file->status());
}

Result<> newfstatat(Thread& self, int directory, UserPtr<const char> path,
                    UserPtr<abi::Stat> status, int flags) {
  if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path | abi::at_no_automount)) != 0) {
    return fail(Errno::einval);
  }
  const bool may_be_empty = (flags & abi::at_empty_path) != 0;
  const auto stat_descriptor = [&] {
    if (directory != abi::at_fdcwd) return fstat(self, directory, status);
    Directory& here = *self.process().fs().directory();
    if (auto fresh = refresh(here); !fresh) return fresh;
    return status.write(self.space(), here.status());
  };
  if (flags == abi::at_empty_path && directory >= 0 && !path) return stat_descriptor();
  const Path text{self, path};
  if (!text) return fail(text.error());
  if ((*text).empty() && may_be_empty) return stat_descriptor();
  const auto node = find_node(self, directory, *text, last_link(flags));
  if (!node) return fail(node.error());
  if (auto fresh = refresh(**node); !fresh) return fresh;
  return status.write(self.space(), (*node)->status());
}

Result<> faccessat(Thread& self, int directory, UserPtr<const char> path, int mode) {
  return faccessat2(self, directory, path, mode, 0);
}

Result<> faccessat2(Thread& self, int directory, UserPtr<const char> path, int mode, int flags) {
  constexpr int known = abi::at_symlink_nofollow | abi::at_eaccess | abi::at_empty_path;
  if ((mode & ~(abi::r_ok | abi::w_ok | abi::x_ok)) != 0 || (flags & ~known) != 0) {
    return fail(Errno::einval);
  }
  const Path text{self, path};
  if (!text) return fail(text.error());
  const bool names_descriptor = (*text).empty() && (flags & abi::at_empty_path) != 0;
  const auto node = names_descriptor ? node_at(self, directory)
                                     : find_node(self, directory, *text, last_link(flags));
  if (!node) return fail(node.error());
  if (*node == nullptr)
    return (mode & abi::x_ok) != 0 ? fail(Errno::eacces) : Result<>{};  // a pipe
  if (auto fresh = refresh(**node); !fresh) return fresh;
  return check_access(**node, mode);
}

Transfer readlinkat(Thread& self, int directory, UserPtr<const char> path, UserSpan<char> to) {
  if (static_cast<int>(to.size()) <= 0) return fail(Errno::einval);
  const Path text{self, path};
  if (!text) return fail(text.error());
  const bool names_descriptor = (*text).empty();
  const auto node = names_descriptor ? node_at(self, directory)
                                     : find_node(self, directory, *text, LastLink::keep);
  if (!node) return fail(node.error());
  if (*node == nullptr || !(*node)->is_symlink()) {
    return fail(names_descriptor ? Errno::enoent : Errno::einval);
  }
  (*node)->note_read();
  const std::string target = (*node)->target(reader_of(self));
  if (target.empty()) return fail(in_strand(Errno::enoent));
  const std::size_t size = std::min(target.size(), to.size());
  return to.write(self.space(), std::span{target}.first(size)).transform([&] { return size; });
}

Transfer getcwd(Thread& self, UserSpan<char> to) {
  const FsContext& fs = self.process().fs();
  const auto path = path_from(fs.root(), *fs.directory(), "(unreachable)");
  if (!path) return fail(path.error());
  const std::size_t size = path->size() + 1;  // with the terminating zero
  if (size > to.size()) return fail(Errno::erange);
  return to.write(self.space(), {path->c_str(), size}).transform([&] { return size; });
}

Result<> chdir(Thread& self, UserPtr<const char> path) {
  const auto node = find_node(self, abi::at_fdcwd, path, LastLink::follow);
  if (!node) return fail(node.error());
  Directory* const directory = (*node)->as_directory();
  if (directory == nullptr) return fail(Errno::enotdir);
  self.process().fs().set_directory(Ref<Directory>::share(*directory));
  return {};
}

/// linux: none known
Result<> chroot(Thread& self, UserPtr<const char> path) {
  const auto node = find_node(self, abi::at_fdcwd, path, LastLink::follow);
  if (!node) return fail(node.error());
  Directory* const directory = (*node)->as_directory();
  if (directory == nullptr) return fail(Errno::enotdir);
  if (!self.process().has(Capability::sys_chroot)) return fail(Errno::eperm);
  // The root of the tree needs no reference, and paths are found sooner without it.
  const bool is_root = directory == &root_directory();
  self.process().fs().set_root(is_root ? nullptr : Ref<Directory>::share(*directory));
  return {};
}

Result<> fchdir(Thread& self, int fd) {
  File* const file = self.process().files().find(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  Directory* const directory = file->node() ? file->node()->as_directory() : nullptr;
  if (directory == nullptr) return fail(Errno::enotdir);
  self.process().fs().set_directory(Ref<Directory>::share(*directory));
  return {};
}

unsigned umask(Thread& self, unsigned mask) {
  FsContext& fs = self.process().fs();
  const unsigned before = fs.umask();
  fs.set_umask(mask);
  return before;
}

}  // namespace kernel::sys

namespace kernel {
KERNEL_CALL(chroot, sys::chroot);
KERNEL_CALL(openat2, sys::openat2);
}  // namespace kernel
