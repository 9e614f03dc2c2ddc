// Calls about file systems and swap spaces of the machine, which are fixed from the boot on, and
// personality and unshare, as far as there is something to set or to separate.
#include "files/directory.h"
#include "syscalls/paths.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {

using memory::UserPtr;

/// flags: MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW; EINVAL for others
/// linux: A file system that is mounted is in use: EBUSY.
Result<> umount2(Thread& self, UserPtr<const char> path, int flags) {
  constexpr int known = 15, keep_link = 8;
  if ((flags & ~known) != 0) return fail(Errno::einval);
  const auto last = (flags & keep_link) != 0 ? LastLink::keep : LastLink::follow;
  const auto node = find_node(self, abi::at_fdcwd, path, last);
  if (!node) return fail(node.error());
  const Directory* const directory = (*node)->as_directory();
  const bool is_mounted =
      directory != nullptr && (directory->is_mount_point() || directory == &root_directory());
  return fail(is_mounted ? Errno::ebusy : Errno::einval);
}

/// flags: all; none has an effect
/// linux: There are no swap spaces: a file that exists fails with EINVAL.
Result<> swapon(Thread& self, UserPtr<const char> path, int) {
  const auto node = find_node(self, abi::at_fdcwd, path, LastLink::follow);
  return fail(node ? Errno::einval : node.error());
}

/// linux: There are no swap spaces: a file that exists fails with EINVAL.
Result<> swapoff(Thread& self, UserPtr<const char> path) {
  return swapon(self, path, 0);
}

/// flags: PER_LINUX, and 0xffffffff to ask; EINVAL for others
/// linux: There is no other personality, and addresses are never random.
Result<int> personality(Thread&, unsigned persona) {
  constexpr unsigned linux = 0, question = 0xffff'ffff;
  if (persona != linux && persona != question) return fail(Errno::einval);
  return 0;
}

/// flags: none; EINVAL for others
/// linux: Nothing can be separated: every flag fails with EINVAL.
Result<> unshare(Thread&, std::uint64_t flags) {
  return flags == 0 ? Result<>{} : fail(Errno::einval);
}

}  // namespace sys

KERNEL_CALL(umount2, sys::umount2);
KERNEL_CALL(swapon, sys::swapon);
KERNEL_CALL(swapoff, sys::swapoff);
KERNEL_CALL(personality, sys::personality);
KERNEL_CALL(unshare, sys::unshare);

}  // namespace kernel
