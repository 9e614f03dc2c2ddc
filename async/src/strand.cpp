#include "async/strand.h"

namespace async {

void Strand::enter_among_others() noexcept {
  while (taken_.exchange(1, std::memory_order_acquire) != 0) {
    do {
      platform::relax();
    } while (taken_.load(std::memory_order_relaxed) != 0);
  }
  platform::local().in_strand = true;
}

void Strand::leave_to_others() noexcept {
  platform::local().in_strand = false;
  taken_.store(0, std::memory_order_release);
}

}  // namespace async
