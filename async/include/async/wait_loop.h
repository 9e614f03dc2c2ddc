// WaitLoop: a loop that waits in a list and polls a condition, without a coroutine of its own. It
// is an object in the frame of the awaiting coroutine:
//
//   class Reading : public WaitLoop<Reading> {              co_await Reading{pipe, buffer}
//     WaitOp wait() { return pipe.readable().wait("read"); }
//     bool poll() { return pipe.try_read(buffer) >= 0; }      // true: the loop ends
//     Result result();
//   };
//
//   await ──▶ wait() ──▶ … woken ──▶ poll() ──true──▶ result()
//               ▲                      │
//               └────────false─────────┘
//
// The executor resumes a WaitLoop like a coroutine. The object has the layout that compilers give a
// suspended coroutine: the resume function, the destroy function, then the promise. In the strand.
#pragma once

#include <coroutine>

#include "async/task.h"
#include "async/wait_list.h"

namespace async {

/// The loop begins with a wait, so poll once before you make it. `poll()` is also called after a
/// wait that was cut short, which current_job().result() tells. It must return true then: a later
/// wait would be refused, too.
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
  /// Puts the job into the list; true if the wait is refused.
  bool refused() noexcept { return self().wait().await_ready(); }

  static void resume(WaitLoop* loop) noexcept {
    if (loop->self().poll()) return loop->promise_.parent().resume();
    if (loop->refused()) return resume(loop);
    current_job().suspend(std::coroutine_handle<>::from_address(loop));
  }

  void (*resume_)(WaitLoop*) noexcept = resume;
  void (*destroy_)(WaitLoop*) noexcept = nullptr;  // null: the awaiting frame destroys the object
  PromiseBase promise_;
};

}  // namespace async
