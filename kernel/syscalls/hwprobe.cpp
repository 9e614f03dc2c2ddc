// riscv_hwprobe: what the harts can do (Linux, Documentation/arch/riscv/hwprobe.rst).
#include <abi/process.h>

#include <algorithm>

#include "process/hardware_probe.h"
#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

/// Sets the value, or the key -1 if the key is unknown.
void answer(abi::HardwareProbe& pair) {
  const auto value = hardware_value(pair.key);
  if (!value) pair.key = -1;
  pair.value = value.value_or(0);
}

/// Whether the set of `bytes` bytes at `harts` has a hart of the machine. Both 0: it means all.
Result<> check_harts(Thread& self, std::size_t bytes, std::uintptr_t harts) {
  if (bytes == 0 && harts == 0) return {};
  std::uint64_t set = 0;
  const std::size_t copied = std::min(bytes, sizeof set);
  if (auto read = memory::copy_from_user(self.space(), &set, harts, copied); !read) return read;
  if ((set & async::Executor::all()) == 0) return fail(Errno::einval);
  return {};
}

}  // namespace

/// flags: 0; EINVAL for others
/// linux: The keys of the processor's vendor and of the timer's frequency are unknown, as are all
///   extensions but F, D, C and V. The speed of misaligned accesses is unknown.
///   RISCV_HWPROBE_WHICH_CPUS fails with EINVAL.
async::Task<Result<>> riscv_hwprobe(Thread& self, std::uintptr_t pairs, std::size_t count,
                                    std::size_t bytes, std::uintptr_t harts, unsigned flags) {
  constexpr std::size_t pairs_in_a_step = 256;
  if (flags != 0) co_return fail(Errno::einval);
  if (auto checked = check_harts(self, bytes, harts); !checked) co_return checked;
  for (std::size_t i = 0; i < count && !async::is_cancelled(); ++i) {
    const UserPtr<abi::HardwareProbe> at{pairs + i * sizeof(abi::HardwareProbe)};
    auto pair = at.read(self.space());
    if (!pair) co_return fail(pair.error());
    answer(*pair);
    if (auto written = at.write(self.space(), *pair); !written) co_return written;
    if (i % pairs_in_a_step == pairs_in_a_step - 1) co_await cond_resched(self);
  }
  co_return Result<>{};
}

}  // namespace sys

KERNEL_CALL(riscv_hwprobe, sys::riscv_hwprobe);

}  // namespace kernel
