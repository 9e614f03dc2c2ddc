// WaitLoop: a loop that waits in a list and looks again, without a coroutine of its own. It is an
// object in the frame of who awaits it:
//
//   class Reading : public WaitLoop<Reading> {              co_await Reading{pipe, buffer}
//     WaitOp wait() { return pipe.readable().wait("read"); }
//     bool poll() { return pipe.try_read(buffer) >= 0; }      // true: that was it
//     Result result();
//   };
//
//   await ──▶ wait() ──▶ … woken ──▶ poll() ──true──▶ result()
//               ▲                      │
//               └────────false─────────┘
//
// The executor resumes it as it does coroutines: to a compiler one is an address at which a resume
// and a destroy function stand, and behind them the promise. In the strand.
#pragma once

#include <coroutine>

#include "async/task.h"
#include "async/wait_list.h"

namespace async {

/// It starts with a wait: poll before it is made. `poll()` is called after a wait that was cut
/// short, too (current_job().result()), and ends the loop then: no later one would wait.
template <class Self>
class WaitLoop {
 public:
  WaitLoop() noexcept = default;
  WaitLoop(const WaitLoop&) = delete;

  [[gnu::always_inline]] bool await_ready() noexcept { return refused() && self().poll(); }
  void await_suspend(std::coroutine_handle<> awaiter) noexcept {
    promise_.set_parent(awaiter);
    current_job().suspend(std::coroutine_handle<>::from_address(this));
  }
  decltype(auto) await_resume() noexcept { return self().result(); }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
  /// In the list from here on, or not at all.
  bool refused() noexcept { return self().wait().await_ready(); }

  static void resume(WaitLoop* loop) noexcept {
    if (loop->self().poll()) return loop->promise_.parent().resume();
    if (loop->refused()) return resume(loop);
    current_job().suspend(std::coroutine_handle<>::from_address(loop));
  }

  void (*resume_)(WaitLoop*) noexcept = resume;
  void (*destroy_)(WaitLoop*) noexcept = nullptr;  // it goes with the frame that it is in
  PromiseBase promise_;
};

}  // namespace async
