#include "process/syscall_counts.h"

#include <hal/timer.h>

namespace kernel {

void SyscallCounts::add(std::uint64_t number, std::uint64_t calls, std::uint64_t ticks) {
  std::size_t at = number % size;
  for (std::size_t tries = 0; counts_[at].calls.value() != 0 && counts_[at].number != number;) {
    at = (at + 1) % size;
    if (++tries == size) {
      at = size;  // others()
      break;
    }
  }
  Count& count = counts_[at];
  count.number = number;
  count.calls += calls;
  count.ticks += ticks;
}

void SyscallCounts::add(const CountedCall& call) {
  add(call.number, 1, hal::clock_ticks() - call.begin);
}

void SyscallCounts::add(const SyscallCounts& ended) {
  for (const Count& count : ended.counts_)
    if (count.calls.value() != 0) add(count.number, count.calls.value(), count.ticks.value());
}

}  // namespace kernel
