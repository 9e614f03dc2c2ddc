#include "dispatch/dispatch.h"

#include <abi/numbers.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "dispatch/all_calls.h"
#include "dispatch/counted_calls.h"
#include "dispatch/private_calls.h"
#include "process/thread.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

using abi::Call;

std::bitset<512> seen;  // numbers that have been logged

/// Whether `number` has not been logged yet. Of the numbers outside Linux's range the first 16
/// are remembered; after these no more are logged.
bool is_first_time(std::uint64_t number) {
  static std::array<std::uint64_t, 16> odd_ones;
  static std::size_t odd_count = 0;
  if (number < seen.size()) {
    const bool is_new = !seen.test(number);
    seen.set(number);
    return is_new;
  }
  if (odd_count == odd_ones.size()) return false;
  const auto end = odd_ones.begin() + odd_count;
  if (std::find(odd_ones.begin(), end, number) != end) return false;
  odd_ones[odd_count++] = number;
  return true;
}

void log_once(Thread& self, std::uint64_t number) {
  async::Strand::check_access();
  if (!is_first_time(number)) return;
  const bool is_compat = is_compat_call(number);
  log("{} ({}): no system call {} {}", self.process().name(), self.id(),
      is_compat ? number - abi::first_compat_call : number,
      is_compat ? name_of_compat_call(number) : abi::name(static_cast<Call>(number)));
}

}  // namespace

void start_system_calls(bool smp_active) {
  start_registered_calls();
  answering_syscalls.table = &uncounted_calls();
  start_fast_path(smp_active);
  intercept_calls = set_interception;
}

const SyscallTable& uncounted_calls() {
  return trace::is_on() ? trace::traced_calls : syscall_table;
}

trap::Register call_beyond(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  if (number < abi::first_private_call) return unknown_call(self, context);
  if (is_compat_call(number)) return compat_call(self, context);
  return private_calls[number - abi::first_private_call].answer(self, context);
}

trap::Register unknown_call(Thread& self, const trap::UserContext& context) {
  const std::uint64_t number = context.syscall_number();
  // A registered call is never logged, so its number is never in `seen`.
  if (number >= seen.size() || !seen[number]) [[unlikely]] {
    if (const auto handler = registered_handler(number)) return handler(self, context);
    log_once(self, number);
  }
  return trap::encode_error(Errno::enosys);
}

}  // namespace kernel
