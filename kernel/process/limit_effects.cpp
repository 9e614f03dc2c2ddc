#include "process/limit_effects.h"

#include <async/executor.h>
#include <async/strand.h>

#include <algorithm>
#include <chrono>

#include "files/size_limit.h"
#include "process/asks_for.h"
#include "process/job_control.h"
#include "process/thread.h"

namespace kernel {
namespace {

using namespace std::chrono_literals;

/// Null caller: the kernel makes the call, or a later step of a request of a ring. No limit
/// applies.
std::uint64_t file_size_limit(bool exceeds) {
  Thread* const asking = sys::AsksFor::thread();
  Thread* const thread = asking != nullptr ? asking : job_control::calling_thread();
  if (thread == nullptr) return abi::unlimited;
  if (exceeds) {
    thread->post_signal({.signal = static_cast<int>(abi::Signal::sigxfsz), .code = abi::si_kernel});
  }
  return thread->process().limits()[abi::rlimit_fsize].soft;
}

/// A limit of RLIMIT_CPU as a duration.
async::Duration in_seconds(std::uint64_t limit) {
  constexpr std::uint64_t most = 1'000'000'000;
  return std::chrono::seconds{std::min(limit, most)};
}

constexpr async::Duration second = 1s, least_wait = 10ms;

}  // namespace

CpuLimit::~CpuLimit() {
  async::Executor::disarm(*this);
}

void CpuLimit::update() {
  async::Strand::check_access();
  async::Executor::disarm(*this);
  arm(process_.cpu_time());
}

void CpuLimit::fire(async::Timer& timer) noexcept {
  auto& self = static_cast<CpuLimit&>(timer);
  Process& process = self.process_;
  if (process.is_zombie()) return;
  const abi::ResourceLimit& limit = process.limits()[abi::rlimit_cpu];
  const async::Duration used = process.cpu_time();
  // Linux rounds a limit of 0 up to one second.
  if (limit.hard != abi::unlimited && used >= std::max(in_seconds(limit.hard), second)) {
    process.post_signal({.signal = static_cast<int>(abi::Signal::sigkill), .code = abi::si_kernel});
    return;
  }
  if (limit.soft != abi::unlimited && used >= std::max(in_seconds(limit.soft), second)) {
    // As on Linux, the soft limit moves to the next second. The program can read it, and children
    // inherit it.
    const auto next = static_cast<std::uint64_t>(used / second) + 1;
    (void)process.limits().set(abi::rlimit_cpu, {.soft = next, .hard = limit.hard});
    process.post_signal({.signal = static_cast<int>(abi::Signal::sigxcpu), .code = abi::si_kernel});
  }
  self.arm(used);
}

/// Waits until the CPU time may have reached the next limit: N threads use at most N seconds of CPU
/// time in a second.
void CpuLimit::arm(async::Duration used) {
  const abi::ResourceLimit& limit = process_.limits()[abi::rlimit_cpu];
  if (limit.soft == abi::unlimited && limit.hard == abi::unlimited) return;
  async::Duration next = std::max(in_seconds(limit.hard), second);
  if (limit.soft != abi::unlimited) next = std::min(next, std::max(in_seconds(limit.soft), second));
  const auto threads = std::max<std::int64_t>(1, process_.thread_count());
  const async::Duration left = std::max((next - used) / threads, least_wait);
  async::current_executor().arm(*this, async::now() + left);
}

bool apply_limit(Process& process, int resource) {
  if (resource == abi::rlimit_fsize) size_limit::limit_of_caller = file_size_limit;
  return resource != abi::rlimit_cpu || process.limit_cpu_time();
}

}  // namespace kernel
