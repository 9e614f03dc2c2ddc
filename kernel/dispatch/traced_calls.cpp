#include "dispatch/dispatch.h"

#include <async/async.h>

#include <algorithm>

#include "dispatch/all_calls.h"
#include "process/thread.h"
#include "trace/recorder.h"

namespace kernel::trace {
namespace {

async::Task<Result<>> yield_recorded() {
  co_await async::yield();
  co_return Result<>{};
}

}  // namespace

trap::Register answer_recorded(Thread& self, const trap::UserContext& context) {
  constexpr std::uint64_t larger = 0xffff;
  const std::uint64_t number = context.syscall_number();
  note(Kind::call, reinterpret_cast<std::uint64_t>(async::platform::job()),
       context.syscall_arguments()[0], static_cast<std::uint16_t>(std::min(number, larger)));
  const trap::Register result = syscall_table[number].answer(self, context);
  // The thread's coroutine records the results of calls that wait, but not of a bare yield.
  if (self.waiting().holds<async::YieldOp>()) {
    self.waiting().clear();
    static_cast<void>(self.wait(yield_recorded));
    return trap::would_block;
  }
  return result;
}

constinit const SyscallTable traced_calls{answer_recorded};

}  // namespace kernel::trace
