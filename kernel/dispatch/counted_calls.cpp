#include "dispatch/counted_calls.h"

#include <hal/timer.h>

#include "dispatch/dispatch.h"
#include "process/serve.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

trap::Register answer_counted(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  const auto& entry = uncounted_calls()[number];
  // The call is made again after a page-in. Its time began when it was made first.
  if (self.has_counted_call_that_waits()) return entry.answer(self, context);
  const CountedCall call =
      begin_counted(self, is_compat_call(number) ? counted_number_of_compat_call(number) : number);
  const trap::Register result = entry.answer(self, context);
  end_counted(self, call, has_to_wait(context, result));
  return result;
}

constinit const SyscallTable counted_calls{answer_counted};

/// While a thread of the machine is traced (process/tracing.h), no call has a fast path, and this
/// answers all calls.
trap::Register answer_intercepted(Thread& self, const trap::UserContext& context) {
  if (self.tracee() != nullptr) {
    if (const auto instead = self.tracee()->before_call()) return *instead;
  }
  return usual_calls()[context.syscall_number()].answer(self, context);
}

constinit const SyscallTable intercepted_calls{answer_intercepted};

// In the strand.
constinit bool are_counted = false;
constinit bool are_intercepted = false;

void choose_tables() {
  async::Strand::check_access();
  answering_syscalls.table = are_intercepted ? &intercepted_calls : &usual_calls();
  use_fast_paths(are_intercepted ? FastPaths::none
                 : are_counted   ? FastPaths::counted
                                 : FastPaths::usual);
}

}  // namespace

const SyscallTable& usual_calls() {
  return are_counted ? counted_calls : uncounted_calls();
}

void set_interception(bool on) {
  are_intercepted = on;
  choose_tables();
}

CountedCall begin_counted(Thread& self, std::uint64_t number) {
  if (self.syscall_counts() == nullptr) [[unlikely]]
    self.make_syscall_counts();
  return {.number = number, .begin = hal::clock_ticks()};
}

void end_counted(Thread& self, const CountedCall& call, bool waits) {
  SyscallCounts* const counts = self.syscall_counts();
  if (counts == nullptr) return;  // no memory
  if (waits) return self.begin_counted_call(call);
  counts->add(call);
}

Result<> count_syscalls(std::string_view word) {
  const bool on = word == "on";
  if (!on && word != "off") return fail(Errno::einval);
  are_counted = on;
  choose_tables();
  return {};
}

}  // namespace kernel
