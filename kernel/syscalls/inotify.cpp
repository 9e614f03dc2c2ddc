// inotify: a program learns what happens to files (inotify(7)).
#include "files/inotify.h"

#include <abi/events.h>

#include "memory/frames.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"

namespace kernel {
namespace sys {
namespace {

/// EBADF; EINVAL: the file is no inotify file.
Result<Inotify*> inotify_of(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->inotify() == nullptr) return fail(Errno::einval);
  return file->inotify();
}

}  // namespace

/// flags: IN_CLOEXEC, IN_NONBLOCK; EINVAL for others
/// linux: A process may have any number of inotify files.
Result<int> inotify_init1(Thread& self, int flags) {
  if ((flags & ~(abi::o_cloexec | abi::o_nonblock)) != 0) return fail(Errno::einval);
  if (!memory::can_allocate(sizeof(Inotify))) return fail(Errno::enomem);
  return self.process().files().add(make_ref<Inotify>(flags & abi::o_nonblock),
                                    (flags & abi::o_cloexec) != 0);
}

/// flags: the events IN_ACCESS to IN_MOVE_SELF, IN_ONLYDIR, IN_DONT_FOLLOW, IN_EXCL_UNLINK,
///   IN_MASK_ADD, IN_MASK_CREATE, IN_ONESHOT; others have no effect
/// linux: Regular files and directories have events, but not those in folders of the host, whose
///   nodes the kernel does not keep. A file without a name has no directory that reports its
///   events, as with IN_EXCL_UNLINK. execve and mmap report nothing.
Result<int> inotify_add_watch(Thread& self, int fd, UserPtr<const char> path, std::uint32_t mask) {
  constexpr std::uint32_t known = abi::in_all_events | abi::in_unmount | abi::in_q_overflow |
                                  abi::in_ignored | abi::in_onlydir | abi::in_dont_follow |
                                  abi::in_excl_unlink | abi::in_mask_add | abi::in_mask_create |
                                  abi::in_isdir | abi::in_oneshot;
  if ((mask & known) == 0) return fail(Errno::einval);
  File* const file = self.process().files().find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  constexpr std::uint32_t both = abi::in_mask_add | abi::in_mask_create;
  if ((mask & both) == both) return fail(Errno::einval);
  if (file->inotify() == nullptr) return fail(Errno::einval);
  const bool follows = (mask & abi::in_dont_follow) == 0;
  const auto node =
      find_node(self, abi::at_fdcwd, path, follows ? LastLink::follow : LastLink::keep);
  if (!node) return fail(node.error());
  if ((mask & abi::in_onlydir) != 0 && (*node)->as_directory() == nullptr)
    return fail(Errno::enotdir);
  return file->inotify()->add(**node, mask);
}

/// linux: none known
Result<> inotify_rm_watch(Thread& self, int fd, int watch) {
  const auto inotify = inotify_of(self, fd);
  if (!inotify) return fail(inotify.error());
  return (*inotify)->remove(watch);
}

}  // namespace sys

KERNEL_CALL(inotify_init1, sys::inotify_init1);
KERNEL_CALL(inotify_add_watch, sys::inotify_add_watch);
KERNEL_CALL(inotify_rm_watch, sys::inotify_rm_watch);

}  // namespace kernel
