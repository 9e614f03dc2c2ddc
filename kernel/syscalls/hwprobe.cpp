// riscv_hwprobe: what the harts can do (Linux, Documentation/arch/riscv/hwprobe.rst).
#include <abi/process.h>
#include <hal/memory_map.h>
#include <trap/program_machine.h>

#include <algorithm>

#include "process/steps.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using memory::UserPtr;

constexpr std::int64_t key_base_behavior = 3;
constexpr std::uint64_t base_ima = 1;
constexpr std::int64_t key_extensions = 4;
constexpr std::uint64_t extension_fd = 1, extension_c = 2, extension_v = 4;
constexpr std::int64_t key_misaligned = 5, key_misaligned_scalar = 9;
constexpr std::uint64_t misaligned_unknown = 0;
constexpr std::int64_t key_highest_address = 7;
constexpr std::int64_t unknown_key = -1;

bool has(char letter) {
  return (trap::program_machine::hardware_capabilities() >> (letter - 'a') & 1) != 0;
}

std::uint64_t extensions() {
  std::uint64_t bits = 0;
  if (has('f') && has('d')) bits |= extension_fd;
  if (has('c')) bits |= extension_c;
  if (has('v')) bits |= extension_v;
  return bits;
}

void answer(abi::HardwareProbe& pair) {
  switch (pair.key) {
    case key_base_behavior: pair.value = base_ima; break;
    case key_extensions: pair.value = extensions(); break;
    case key_misaligned:
    case key_misaligned_scalar: pair.value = misaligned_unknown; break;
    case key_highest_address: pair.value = hal::user_end - 1; break;
    default: pair = {.key = unknown_key, .value = 0};
  }
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
