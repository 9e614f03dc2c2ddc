// yield() lets jobs of the same or a more urgent level run. yield_if_preempted() lets only more
// urgent jobs run. park() waits until unpark(). Only park() is a cancellation point.
#pragma once

#include <coroutine>

#include "async/executor.h"
#include "async/job.h"

namespace async {

struct YieldOp {
  bool await_ready() const noexcept { return false; }
  [[nodiscard, gnu::always_inline]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<> self) const noexcept {
    platform::begin_wait();
    return Executor::yield(self);
  }
  void await_resume() const noexcept {}
};

/// Puts the running job at the end of its level.
[[nodiscard]] inline YieldOp yield() noexcept {
  return {};
}

struct PreemptOp {
  [[gnu::always_inline]] bool await_ready() const noexcept {
    platform::InterruptGuard masked;
    return !current_executor().preempts(current_job().priority);
  }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    platform::begin_wait();
    Job& job = current_job();
    job.set_leaf(self);
    current_executor().schedule_first(job);
  }
  void await_resume() const noexcept {}
};

/// Lets more urgent jobs run. The running job continues before the other jobs of its level.
[[nodiscard]] inline PreemptOp yield_if_preempted() noexcept {
  return {};
}

struct ParkOp {
  const char* reason;

  bool await_ready() const noexcept;
  bool await_suspend(std::coroutine_handle<> self) const noexcept;
  WaitResult await_resume() const noexcept { return current_job().result(); }
};

/// Waits until Executor::unpark() is called for this job. An earlier unpark() makes it return at
/// once.
[[nodiscard]] inline ParkOp park(const char* reason) noexcept {
  return {reason};
}

}  // namespace async
