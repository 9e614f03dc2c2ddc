// While a thread of the machine is traced (process/tracing.h), no call has a
// fast path, and this table answers all calls.
#include "dispatch/counted_calls.h"
#include "dispatch/dispatch.h"
#include "process/thread.h"

namespace kernel {
namespace {

trap::Register answer_intercepted(Thread& self, const trap::UserContext& context) {
  if (self.tracee() != nullptr) {
    if (const auto instead = self.tracee()->before_call()) return *instead;
  }
  return usual_calls()[context.syscall_number()].answer(self, context);
}

}  // namespace

constinit const SyscallTable intercepted_calls{answer_intercepted};

}  // namespace kernel
