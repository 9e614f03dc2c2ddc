#include "async/strand.h"

#include <algorithm>

#include "async/executor.h"
#include "async/retired.h"

namespace async {

void Strand::enter_apart() noexcept {
  require_executor();
  enter();
}

void Strand::leave_apart() noexcept {
  leave_to_others();
}

void Strand::wait_and_enter() noexcept {
  constexpr bool in_turns = platform::spin_limit > 0;
  const unsigned hart = platform::hart();
  if constexpr (in_turns) {
    if (last_.load(std::memory_order_relaxed) == hart &&
        platform::now_ns() - turn_began_.load(std::memory_order_relaxed) > turn_ns) {
      await_another();
      begin_turn(hart);
    }
  }
  waiting_.fetch_add(1, std::memory_order_relaxed);
  while (taken_.load(std::memory_order_relaxed) != 0 ||
         taken_.exchange(1, std::memory_order_acquire) != 0) {
    platform::relax();
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  if constexpr (in_turns) {
    if (last_.load(std::memory_order_relaxed) != hart) begin_turn(hart);
  }
  platform::waited_for_strand();
}

void Strand::begin_turn(unsigned hart) noexcept {
  last_.store(hart, std::memory_order_relaxed);
  turn_began_.store(platform::now_ns(), std::memory_order_relaxed);
}

void Strand::let_share() noexcept {
  const unsigned hart = platform::hart();
  platform::local().sharer = &sharers_[hart];
  const StrandSharer* const end = std::max<const StrandSharer*>(sharers_end_, &sharers_[hart] + 1);
  sharers_end_.store(end, std::memory_order_relaxed);
}

void Strand::reset() noexcept {
  taken_.store(0, std::memory_order_relaxed);
  taken_.epoch.store(1, std::memory_order_relaxed);
  waiting_.store(0, std::memory_order_relaxed);
  for (StrandSharer& sharer : sharers_) {
    sharer.shares_.store(0, std::memory_order_relaxed);
    sharer.reads_.store(nullptr, std::memory_order_relaxed);
  }
  sharers_end_.store(sharers_.data(), std::memory_order_relaxed);
  Retired::reset();
}

void Strand::wait_and_share() noexcept {
  const Local& local = platform::local();
  waiting_.fetch_add(1, std::memory_order_relaxed);
  do {
    clear_share(local);
    while (taken_.load(std::memory_order_relaxed) != 0) platform::relax();
    show_share(local);
    platform::atomic_thread_fence(std::memory_order_seq_cst);
  } while (taken_.load(std::memory_order_acquire) != 0);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  platform::waited_for_strand();
}

void Strand::wait_for(const StrandSharer& sharer) noexcept {
  if (platform::checked && &sharer == platform::local().sharer)
    platform::fail("a hart that shares the strand enters it");
  while (sharer.shares_.load(std::memory_order_acquire) != 0) platform::relax();
  platform::waited_for_strand();
}

void Strand::stop_sharing() noexcept {
  Local& local = platform::local();
  local.shares_strand = false;
  clear_share(local);
  enter_smp();
}

void Strand::share_instead() noexcept {
  Local& local = platform::local();
  if (platform::checked && !local.in_strand)
    platform::fail("a hart outside the strand shares it for a part of its step");
  // A hart that takes the strand afterwards has acquired taken_, and so it sees this word.
  show_share(local);
  local.shares_strand = true;
  leave_to_others();
}

bool Strand::is_outside(const Job* job) noexcept {
  return job != nullptr && job->is_preemptible();
}

void Strand::yield_to_waiters() noexcept {
  leave_to_others();
  enter_smp();
}

// The turn of this hart ends: gives waiting harts time to enter or share the strand first. If this
// hart did not wait, it would be the first again. The wait is bounded by spin_limit, because the
// host may not run the waiting harts now.
void Strand::await_another() noexcept {
  for (int i = 0; i < platform::spin_limit && taken_.load(std::memory_order_relaxed) == 0 &&
                  waiting_.load(std::memory_order_relaxed) != 0;
       ++i) {
    platform::relax();
  }
}

}  // namespace async
