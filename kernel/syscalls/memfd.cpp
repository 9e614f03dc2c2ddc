// memfd_create: a file in memory without a name.

#include <abi/flags.h>

#include <array>

#include "files/file_quota.h"
#include "files/regular_file.h"
#include "syscalls/files.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {

/// flags: MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_EXEC; EINVAL for others
/// linux: There are no huge pages: MFD_HUGETLB fails with EINVAL, and so does MFD_NOEXEC_SEAL.
Result<int> memfd_create(Thread& self, UserPtr<const char> name, unsigned flags) {
  constexpr unsigned known = abi::mfd_cloexec | abi::mfd_allow_sealing | abi::mfd_exec;
  constexpr std::size_t longest = 249;
  if ((flags & ~known) != 0) return fail(Errno::einval);
  std::array<char, longest + 1> text;
  if (auto read = memory::string_from_user(self.space(), name.address(), text); !read)
    return fail(read.error() == Errno::enametoolong ? Errno::einval : read.error());
  if (!memory::can_allocate(sizeof(MemoryFile)) || !file_quota::has(hal::page_size))
    return fail(Errno::enomem);
  auto node = make_ref<MemoryFile>(0777);
  node->set_file_system(Node::FileSystem::temporary);
  node->begin_without_name(false);
  if ((flags & abi::mfd_allow_sealing) != 0) node->allow_sealing();
  node->allow_change_in_use();
  auto file = node->open(abi::o_rdwr | abi::o_largefile);
  if (!file) return fail(file.error());
  return self.process().files().add(std::move(*file), (flags & abi::mfd_cloexec) != 0);
}

}  // namespace sys

KERNEL_CALL(memfd_create, sys::memfd_create);

}  // namespace kernel
