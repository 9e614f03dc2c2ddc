#include "process/syscall_counts.h"

#include <hal/timer.h>

namespace kernel {

SyscallCounts::Count& SyscallCounts::count_of(std::uint64_t number) {
  for (std::size_t tries = 0; tries < size; ++tries) {
    Count& count = counts_[(number + tries) % size];
    if (!count.is_taken()) count.taken.store(number + 1, std::memory_order_relaxed);
    if (count.number() == number) return count;
  }
  return counts_[size];
}

void SyscallCounts::add(const CountedCall& call) {
  count_of(call.number).add(1, hal::clock_ticks() - call.begin);
}

void SyscallCounts::add(const SyscallCounts& ended) {
  ended.for_each([this](const Count& count) {
    count_of(count.number()).add(count.calls.value(), count.ticks.value());
  });
  counts_[size].add(ended.others().calls.value(), ended.others().ticks.value());
}

}  // namespace kernel
