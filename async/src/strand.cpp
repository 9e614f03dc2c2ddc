#include "async/strand.h"

#include "async/executor.h"

namespace async {

void Strand::enter_apart() noexcept {
  enter();
}

void Strand::leave_apart() noexcept {
  leave_to_others();
}

void Strand::wait_and_enter() noexcept {
  if (waiting_.load(std::memory_order_relaxed) != 0 &&
      last_.load(std::memory_order_relaxed) == platform::hart()) {
    await_another();
  }
  waiting_.fetch_add(1, std::memory_order_relaxed);
  while (taken_.load(std::memory_order_relaxed) != 0 ||
         taken_.exchange(1, std::memory_order_acquire) != 0) {
    platform::relax();
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  platform::waited_for_strand();
}

bool may_go_elsewhere(const Job* job) noexcept {
  return job != nullptr && job->migrates();
}

void Strand::yield_to_waiters() noexcept {
  leave_to_others();
  enter_smp();
}

// Gives waiting harts time to enter the strand first; this hart, which held it last, would
// otherwise win. The wait is bounded by spin_limit, because the waiting harts may not be running.
void Strand::await_another() noexcept {
  for (int i = 0; i < platform::spin_limit && taken_.load(std::memory_order_relaxed) == 0; ++i)
    platform::relax();
}

}  // namespace async
