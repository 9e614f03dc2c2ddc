// sleep_until() and sleep_for() wait for a time, with one timer in the sleeper's frame. They are
// cancellation points and return `woken` when the time has come. If it has passed already, they do
// not suspend. Task context.
#pragma once

#include <coroutine>

#include "async/wait_list.h"

namespace async {

class [[nodiscard("co_await it")]] SleepOp {
 public:
  SleepOp(Instant now, Instant deadline, const char* reason) noexcept
      : deadline_(deadline), reason_(reason) {
    Job& job = current_job();
    ready_ = job.refuses_to_wait();
    if (ready_ || deadline > now) return;
    job.set_result(WaitResult::woken);
    ready_ = true;
  }
  SleepOp(const SleepOp&) = delete;

  bool await_ready() const noexcept { return ready_; }
  void await_suspend(std::coroutine_handle<> self) noexcept {
    platform::begin_wait();
    Strand::visit();
    Job& job = current_job();
    job.prepare(nullptr, reason_);
    job.suspend_alone(self);
    timer_.arm(deadline_);
  }
  WaitResult await_resume() const noexcept { return current_job().result(); }

 private:
  Instant deadline_;
  const char* reason_;
  bool ready_;
  WaitTimer timer_{WaitResult::woken};
};

inline SleepOp sleep_until(Instant deadline, const char* reason = "sleep") noexcept {
  return SleepOp(now(), deadline, reason);
}
inline SleepOp sleep_for(Duration duration, const char* reason = "sleep") noexcept {
  const Instant start = now();
  return SleepOp(start, duration < never - start ? start + duration : never, reason);
}

}  // namespace async
