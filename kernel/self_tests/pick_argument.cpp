// The calls of seven arguments (abi/numbers.h), for tests of how a program passes arguments.
#include <array>

#include "dispatch/private_calls.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {

Result<std::uint64_t> pick_argument(Thread&, std::uint64_t index, std::uint64_t a, std::uint64_t b,
                                    std::uint64_t c, std::uint64_t d, std::uint64_t e,
                                    std::uint64_t f) {
  const std::array arguments{index, a, b, c, d, e, f};
  if (index >= arguments.size()) return fail(Errno::einval);
  return arguments[index];
}

/// cotrap: Like `pick_argument`, but waits before it answers.
/// only: the kernel with self-tests (`--self-tests`); ENOSYS elsewhere
async::Task<Result<std::uint64_t>> pick_argument_later(Thread& self, std::uint64_t index,
                                                       std::uint64_t a, std::uint64_t b,
                                                       std::uint64_t c, std::uint64_t d,
                                                       std::uint64_t e, std::uint64_t f) {
  co_await async::yield();
  co_return pick_argument(self, index, a, b, c, d, e, f);
}

}  // namespace sys

trap::Register pick_argument(Thread& self, const trap::UserContext& context) {
  return trap::answer_with<Thread, sys::pick_argument>(self, context);
}
KERNEL_PRIVATE_CALL(16, pick_argument_later, sys::pick_argument_later);

}  // namespace kernel
