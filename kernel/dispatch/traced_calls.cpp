#include "dispatch/traced_calls.h"

#include <async/async.h>

#include <algorithm>

#include "dispatch/all_calls.h"
#include "process/thread.h"
#include "trace/recorder.h"

namespace kernel::trace {
namespace {

using trap::Register;
using trap::UserContext;

void note_here(Kind kind, std::uint64_t argument, std::uint16_t detail = 0) {
  note(kind, reinterpret_cast<std::uint64_t>(async::platform::job()), argument, detail);
}

Register now(Thread& self, const UserContext& context) {
  note_call(context);
  const Register result = syscall_table[context.syscall_number()].now(self, context);
  if (result != trap::would_block) note_result(result);
  return result;
}

async::Task<Register> finish(Thread& self, const UserContext& context) {
  Register result = 0;
  if (const auto wait = syscall_table[context.syscall_number()].wait; wait != nullptr) {
    result = co_await wait(self, context);
  } else {
    co_await async::yield();
  }
  note_result(result);
  co_return result;
}

trap::WaitingCall wait(Thread& self, const UserContext& context) {
  return trap::WaitingCall{finish(self, context)};
}

}  // namespace

constinit const SyscallTable traced_calls{{.now = now, .wait = wait}};

void note_call(const UserContext& context) {
  constexpr std::uint64_t larger = 0xffff;
  note_here(Kind::call, context.syscall_arguments()[0],
            static_cast<std::uint16_t>(std::min(context.syscall_number(), larger)));
}

void note_result(std::uint64_t result) {
  note_here(Kind::result, result);
}

}  // namespace kernel::trace
