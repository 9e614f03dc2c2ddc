// For test programs that look for leaks of memory.
#pragma once

#include <user/clock.h>

#include <utility>

#include "eventually.h"

namespace user {

/// The number of free pages, when it no longer changes: the kernel frees the memory of ended
/// threads and processes a little later.
inline long free_pages_at_rest() {
  long before = -1, now = 0;
  const bool at_rest = eventually([&] {
    must(sleep_for(std::chrono::milliseconds{20}), "sleeping");
    before = std::exchange(now, static_cast<long>(free_memory() / page_size));
    return before == now;
  });
  check(at_rest, "the number of free pages keeps changing");
  return now;
}

/// Runs `take` until it leaves at most `slack` pages fewer than there were before, up to five
/// times. A leak takes pages each time. The pools of a hart keep the memory of coroutine frames and
/// jobs, so pages may be missing until jobs have ended on all harts. Returns how many pages the
/// last run took.
template <class Take>
long pages_taken(long slack, Take take) {
  long before = free_pages_at_rest(), taken = 0;
  for (int run = 0; run < 5; ++run) {
    take();
    const long after = free_pages_at_rest();
    println("free pages: {} before, {} after", before, after);
    taken = std::exchange(before, after) - after;
    if (taken <= slack) break;
  }
  return taken;
}

}  // namespace user
