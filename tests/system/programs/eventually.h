// For test programs: waits for what the kernel or another hart does soon.
#pragma once

#include <user/check.h>
#include <user/clock.h>

namespace user {

/// Waits until holds() is true. Returns false after 100,000 tests a millisecond apart: only a hang
/// takes that long. It counts tests instead of time, because a host may stop the machine while its
/// clock runs.
template <class Holds>
bool eventually(Holds holds) {
  for (int i = 0; i < 100'000; ++i) {
    if (holds()) return true;
    must(sleep_for(std::chrono::milliseconds{1}), "sleeping");
  }
  return false;
}

}  // namespace user
