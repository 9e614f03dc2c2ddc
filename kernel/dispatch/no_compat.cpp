// This machine's Linux has the kernel's own numbers: there are no compat calls.
#include "dispatch/compat.h"

#include <kernel/result.h>

#include "dispatch/unknown.h"

namespace kernel {

bool is_compat_call(std::uint64_t) {
  return false;
}

trap::Register try_compat_call(Thread& self, const trap::UserContext& context) {
  return unknown_call(self, context);
}
trap::WaitingCall compat_call(Thread&, const trap::UserContext&) {
  return trap::WaitingCall{[]() -> async::Task<Result<>> { co_return fail(Errno::enosys); }()};
}

std::string_view name_of_compat_call(std::uint64_t) {
  return "";
}

}  // namespace kernel
