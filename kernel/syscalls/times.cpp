// times: processor time of a process and of the children that it has waited for.
#include <abi/process.h>
#include <async/async.h>

#include "process/thread.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

constexpr std::int64_t ticks(async::Duration time) {
  return time.count() / (ns_per_second / abi::ticks_per_second);
}

}  // namespace

/// linux: All processor time counts as user time.
Result<std::int64_t> times(Thread& self, memory::UserPtr<abi::ProcessTimes> to) {
  Process& process = self.process();
  if (to) {
    const abi::ProcessTimes times{.user = ticks(process.cpu_time()),
                                  .system = 0,
                                  .children_user = ticks(process.children_cpu_time()),
                                  .children_system = 0};
    if (auto written = to.write(self.space(), times); !written) return fail(written.error());
  }
  return ticks(async::now().time_since_epoch());
}

}  // namespace sys

KERNEL_CALL(times, sys::times);

}  // namespace kernel
