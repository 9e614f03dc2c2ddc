#include "async/strand.h"

#include "async/executor.h"

namespace async {

void Strand::enter_smp() noexcept {
  const unsigned hart = platform::hart();
  if (last_ == hart && waiting_.load(std::memory_order_relaxed) != 0) await_another();
  if (taken_.exchange(1, std::memory_order_acquire) != 0) {
    waiting_.fetch_add(1, std::memory_order_relaxed);
    do {
      platform::relax();
    } while (taken_.load(std::memory_order_relaxed) != 0 ||
             taken_.exchange(1, std::memory_order_acquire) != 0);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  last_.store(hart, std::memory_order_relaxed);
  Local& local = platform::local();
  local.in_strand = true;
  platform::strand_begins();
  if (local.job != nullptr) local.executor->catch_up(*local.job);
}

void Strand::leave_to_others() noexcept {
  platform::strand_ends();
  platform::local().in_strand = false;
  taken_.store(0, std::memory_order_release);
}

// The step may have pushed nodes into its own hart's inbox. While the inbox is not empty, pushes of
// other harts send no IPI. So this hart sends itself one, to drain the inbox soon.
void Strand::leave_for_long() noexcept {
  const Local& local = platform::local();
  const bool in_step = local.job != nullptr;
  if (in_step) local.executor->offer_rest();
  leave_to_others();
  if (in_step && !local.executor->inbox_is_empty()) platform::send_ipi(platform::hart());
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
