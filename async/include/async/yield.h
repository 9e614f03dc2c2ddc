// Giving way: yield() to everybody as urgent, yield_if_preempted() only to the more urgent, park()
// until unpark(). None is a cancellation point but park().
#pragma once

#include <coroutine>

#include "async/executor.h"
#include "async/job.h"

namespace async {

struct YieldOp {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    platform::begin_wait();
    Job& job = current_job();
    job.set_leaf(self);
    current_executor().requeue(job);
  }
  void await_resume() const noexcept {}
};

/// To the end of the line of my priority.
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

/// Lets more urgent jobs run, and goes on before the others of my priority.
[[nodiscard]] inline PreemptOp yield_if_preempted() noexcept {
  return {};
}

struct ParkOp {
  const char* reason;

  bool await_ready() const noexcept;
  bool await_suspend(std::coroutine_handle<> self) const noexcept;
  WaitResult await_resume() const noexcept { return current_job().result(); }
};

/// Waits for Executor::unpark(this job). One that came before lets it pass at once.
[[nodiscard]] inline ParkOp park(const char* reason) noexcept {
  return {reason};
}

}  // namespace async
