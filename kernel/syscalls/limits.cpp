// The older calls for resource limits, and the list of robust mutexes of another thread.
#include "process/thread.h"
#include "syscalls/calls.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {

/// flags: The resources of prlimit64; EINVAL for others
/// linux: As `prlimit64`.
Result<> getrlimit(Thread& self, int resource, UserPtr<abi::ResourceLimit> limit) {
  if (!limit) return fail(Errno::efault);
  return prlimit64(self, 0, resource, UserPtr<const abi::ResourceLimit>{0}, limit);
}

/// flags: The resources of prlimit64; EINVAL for others
/// linux: As `prlimit64`.
Result<> setrlimit(Thread& self, int resource, UserPtr<const abi::ResourceLimit> limit) {
  if (!limit) return fail(Errno::efault);
  return prlimit64(self, 0, resource, limit, UserPtr<abi::ResourceLimit>{0});
}

/// linux: none known
Result<> get_robust_list(Thread& self, int id, UserPtr<std::uintptr_t> head,
                         UserPtr<std::size_t> size) {
  const Thread* const thread = id == 0 ? &self : threads().find(id);
  if (thread == nullptr) return fail(Errno::esrch);
  if (auto written = size.write(self.space(), sizeof(abi::RobustListHead)); !written)
    return written;
  return head.write(self.space(), thread->robust_list);
}

}  // namespace sys

KERNEL_CALL(getrlimit, sys::getrlimit);
KERNEL_CALL(setrlimit, sys::setrlimit);
KERNEL_CALL(get_robust_list, sys::get_robust_list);

}  // namespace kernel
