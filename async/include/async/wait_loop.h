// WaitLoop: a loop that waits in a list and polls a condition, without a coroutine of its own. It
// is an object, for example in the frame of the awaiting coroutine:
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
// The executor resumes a WaitLoop like a coroutine: the object begins like a suspended coroutine's
// frame (frame_header.h). In the strand.
#pragma once

#include <coroutine>
#include <cstddef>

#include "async/frame_header.h"
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
    current_job().suspend(begin(awaiter));
  }
  decltype(auto) await_resume() noexcept { return self().result(); }

 protected:
  // For a loop whose first wait begins in another way than by wait().

  /// Returns the handle that the executor resumes at the end of a wait.
  std::coroutine_handle<> begin(std::coroutine_handle<> awaiter) noexcept {
    promise_.set_parent(awaiter);
    return header_.handle();
  }
  /// Puts the job into the list, or returns true if the wait is refused.
  bool refused() noexcept { return self().wait().await_ready(); }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }

  static void resume(void* frame) noexcept {
    static_assert(offsetof(WaitLoop, header_) == 0);
    static_assert(offsetof(WaitLoop, promise_) == sizeof(FrameHeader));
    auto* const loop = static_cast<WaitLoop*>(frame);
    if (loop->self().poll()) return loop->promise_.parent().resume();
    if (loop->refused()) return resume(loop);
    current_job().suspend(loop->header_.handle());
  }

  // destroy: the object or frame that contains the loop destroys it.
  FrameHeader header_{.resume = resume, .destroy = nullptr};
  PromiseBase promise_;
};

}  // namespace async
