// The priorities that a program's scheduler and the kernel's exchange in shared memory.
#include <abi/shared_priority.h>

#include <algorithm>
#include <atomic>

#include "memory/address_space.h"
#include "process/life.h"

namespace kernel {
namespace {

/// Null if the program has unmapped the page or made it read-only, or if the page needs a page-in.
/// Leaves missed_page() as it is, because a system call of the program may still need that page.
abi::SharedPriority* find(Thread& self) {
  memory::AddressSpace& space = self.space();
  const hal::VirtAddr place = self.shared_priority();
  std::byte* there = space.translate(place, hal::Access::write);
  if (there == nullptr) [[unlikely]] {
    const memory::AddressSpace::WithoutWait now{space};
    const auto awaited = space.take_missed_page();
    there = space.fault_in(place, hal::Access::write).value_or(nullptr);
    space.restore_missed_page(awaited);
  }
  return reinterpret_cast<abi::SharedPriority*>(there);
}

std::uint32_t levels_below(unsigned limit, unsigned level) {
  if (level >= async::priorities) return abi::no_job_waits;
  return level > limit ? level - limit : 0;
}

}  // namespace

void exchange_priority(Thread& self) {
  abi::SharedPriority* const shared = find(self);
  if (shared == nullptr) return self.share_priority(0);
  constexpr std::uint32_t most = async::priorities - 1;
  const std::uint32_t demotion = std::atomic_ref{shared->demotion}.load(std::memory_order_relaxed);
  self.demote_by(static_cast<std::uint8_t>(std::min(demotion, most)));
  const unsigned waiting = async::current_executor().ready_priority();
  std::atomic_ref{shared->waiting}.store(levels_below(self.limit(), waiting),
                                         std::memory_order_relaxed);
}

}  // namespace kernel
