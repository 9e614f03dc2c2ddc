// Calls about file systems and swap spaces of the machine, which are fixed from the boot on, and
// personality, unshare and setns, as far as there is something to set or to separate.
#include "files/directory.h"
#include "process/steps.h"
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

namespace {

Result<> own_parts(Process& process, std::uint64_t flags) {
  if ((flags & abi::clone_fs) != 0) {
    if (auto own = process.own_fs(); !own) return own;
  }
  if ((flags & abi::clone_files) != 0) return process.own_files();
  return {};
}

/// unshare() of a process that has many changes of semaphores to undo.
async::Task<Result<>> unshare_in_steps(Thread& self, std::uint64_t flags) {
  Process& process = self.process();
  do {
    co_await cond_resched(self);
  } while (!process.semaphore_undo()->do_some());
  (void)process.set_semaphore_undo(nullptr);
  co_return own_parts(process, flags);
}

}  // namespace

/// flags: CLONE_FILES, CLONE_FS, CLONE_SYSVSEM, and in a process with one thread CLONE_THREAD,
///   CLONE_SIGHAND and CLONE_VM; EINVAL for others
/// linux: There are no namespaces: their flags fail with EINVAL. A process with several threads can
///   separate nothing (EINVAL).
trap::Answer<Result<>> unshare(Thread& self, std::uint64_t flags) {
  constexpr std::uint64_t of_thread = abi::clone_thread | abi::clone_sighand | abi::clone_vm;
  constexpr std::uint64_t parts = abi::clone_files | abi::clone_fs | abi::clone_sysvsem;
  if ((flags & ~(of_thread | parts)) != 0) return fail(Errno::einval);
  Process& process = self.process();
  if (flags != 0 && !process.has_one_thread()) return fail(Errno::einval);
  const bool shares_memory = self.space().owners() > 1;
  if ((flags & abi::clone_vm) != 0 && shares_memory && process.parent() != nullptr &&
      process.parent()->parts().space.get() == &self.space()) {
    return fail(Errno::einval);
  }
  // As on Linux, the call undoes the process's operations with SEM_UNDO now.
  if ((flags & abi::clone_sysvsem) != 0 && process.semaphore_undo() != nullptr) {
    if (!process.semaphore_undo()->do_some())
      return self.wait([&] { return unshare_in_steps(self, flags); });
    (void)process.set_semaphore_undo(nullptr);
  }
  return own_parts(process, flags);
}

/// linux: There are no namespaces: a descriptor of any file fails with EINVAL.
Result<> setns(Thread& self, int fd, int) {
  return fail(self.process().files().find_open(fd) == nullptr ? Errno::ebadf : Errno::einval);
}

}  // namespace sys

KERNEL_CALL(umount2, sys::umount2);
KERNEL_CALL(swapon, sys::swapon);
KERNEL_CALL(swapoff, sys::swapoff);
KERNEL_CALL(personality, sys::personality);
KERNEL_CALL(unshare, sys::unshare);
KERNEL_CALL(setns, sys::setns);

}  // namespace kernel
