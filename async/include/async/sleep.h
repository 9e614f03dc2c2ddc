// sleep_until() and sleep_for(): one timer in the sleeper's frame. A cancellation point; `woken`
// when the time has come. Time that has passed does not suspend. Task context.
#pragma once

#include <coroutine>

#include "async/wait_list.h"

namespace async {

class [[nodiscard("co_await it")]] SleepOp {
 public:
  SleepOp(Instant deadline, const char* reason) noexcept : deadline_(deadline), reason_(reason) {}
  SleepOp(const SleepOp&) = delete;

  bool await_ready() const noexcept {
    Job& job = current_job();
    if (job.refuses_to_wait()) return true;
    job.set_result(WaitResult::woken);
    return deadline_ <= now();
  }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    Job& job = current_job();
    job.prepare(nullptr, reason_);
    job.suspend_alone(self);
    timer_.arm(deadline_);
  }
  WaitResult await_resume() const noexcept { return current_job().result(); }

 private:
  Instant deadline_;
  const char* reason_;
  WaitTimer timer_{WaitResult::woken};
};

inline SleepOp sleep_until(Instant deadline, const char* reason = "sleep") noexcept {
  return SleepOp(deadline, reason);
}
inline SleepOp sleep_for(Duration duration, const char* reason = "sleep") noexcept {
  return SleepOp(duration <= Duration::zero() ? Instant{} : now() + duration, reason);
}

}  // namespace async
