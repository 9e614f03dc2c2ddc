#include "async/strand.h"

#include "async/executor.h"

namespace async {

void Strand::enter_among_others() noexcept {
  if (taken_.exchange(1, std::memory_order_acquire) != 0) {
    waiting_.fetch_add(1, std::memory_order_relaxed);
    do {
      platform::relax();
    } while (taken_.load(std::memory_order_relaxed) != 0 ||
             taken_.exchange(1, std::memory_order_acquire) != 0);
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  Local& local = platform::local();
  local.in_strand = true;
  if (local.job != nullptr) local.executor->catch_up(*local.job);
}

void Strand::leave_to_others() noexcept {
  platform::local().in_strand = false;
  taken_.store(0, std::memory_order_release);
}

void Strand::leave_for_long() noexcept {
  const Local& local = platform::local();
  if (local.job != nullptr) local.executor->offer_rest();
  leave_to_others();
}

void Strand::give_way_to_waiting() noexcept {
  constexpr int looks = 256;
  leave_to_others();
  for (int i = 0; i < looks && taken_.load(std::memory_order_relaxed) == 0; ++i) platform::relax();
  enter_among_others();
}

}  // namespace async
