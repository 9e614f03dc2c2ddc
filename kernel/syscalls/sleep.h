// A wait for a time, in nanosleep(), clock_nanosleep() and the ring's timeout.
#pragma once

#include <abi/types.h>
#include <async/sharing_timer.h>
#include <kernel/result.h>

#include <coroutine>

#include "memory/user_memory.h"

namespace kernel::sys {

/// A sleep until `deadline`. If it is cut short, it writes the time left to `left` and returns
/// EINTR. If it begins in a step that shares the strand, the next step shares it, too.
class Sleeping : private async::SharingTimer {
 public:
  Sleeping(memory::AddressSpace& space, async::Instant deadline,
           memory::UserPtr<abi::Timespec> left);

  using SharingTimer::deadline;

  bool await_ready();
  void await_suspend(std::coroutine_handle<> sleeper);
  Result<> await_resume();
  /// Called after a page-in of `left`. Does not sleep again.
  std::coroutine_handle<> again(std::coroutine_handle<> sleeper) const { return sleeper; }

 private:
  static Ended end(SharingTimer& timer) noexcept;

  memory::AddressSpace& space_;
  async::Job* job_ = nullptr;  // null again once the sleep was cut short
  memory::UserPtr<abi::Timespec> left_;
};

}  // namespace kernel::sys
