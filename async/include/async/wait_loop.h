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
// The executor resumes a WaitLoop like a coroutine (frame_header.h). The steps of a WaitLoop are in
// the strand; those of a SharingWaitLoop may share it.
#pragma once

#include <coroutine>
#include <type_traits>

#include "async/frame_header.h"
#include "async/strand.h"
#include "async/task.h"
#include "async/wait_list.h"

namespace async {

/// The loop begins with a wait, so poll once before you make it. `poll()` is also called after a
/// wait that was cut short, which current_job().result() tells. It must return true then: a later
/// wait would be refused, too.
template <class Self>
class WaitLoop : public ForgedFrame<PromiseBase> {
 public:
  WaitLoop() noexcept : ForgedFrame{resume} {}
  WaitLoop(const WaitLoop&) = delete;

  [[gnu::always_inline]] bool await_ready() noexcept { return refused() && self().poll(); }
  void await_suspend(std::coroutine_handle<> awaiter) noexcept {
    current_job().suspend(begin(awaiter));
  }
  decltype(auto) await_resume() noexcept { return self().result(); }

 protected:
  /// Awaits this loop once more, for example after a result that lacked a page. Calls Self's `bool
  /// attempt()`; if that returns false, waits as before. In the strand.
  std::coroutine_handle<> again(std::coroutine_handle<> awaiter) noexcept {
    const std::coroutine_handle<> loop = begin(awaiter);
    if (self().attempt() || (refused() && self().poll())) return awaiter;
    current_job().suspend(loop);
    return std::noop_coroutine();
  }

  // For a loop whose first wait begins in another way than by wait().

  /// Returns the handle that the executor resumes at the end of a wait.
  std::coroutine_handle<> begin(std::coroutine_handle<> awaiter) noexcept {
    this->promise_.set_parent(awaiter);
    return this->handle();
  }
  /// Puts the job into the list, or returns true if the wait is refused. `wait()` may return that
  /// itself.
  bool refused() noexcept {
    if constexpr (std::is_same_v<decltype(self().wait()), bool>) {
      return self().wait();
    } else {
      return self().wait().await_ready();
    }
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }

  // The object or frame that contains the loop destroys it.
  static void resume(void* frame) noexcept {
    auto& loop = ForgedFrame::from<WaitLoop>(frame);
    if (loop.self().poll()) return loop.promise_.parent().resume();
    if (loop.refused()) return resume(frame);
    current_job().suspend(loop.handle());
  }
};

/// A WaitLoop that may begin in a step that shares the strand (strand.h). Its steps then share it
/// as long as that suffices. In place of poll(), Self has:
///
/// - bool wait_sharing(std::coroutine_handle<> loop): puts the job into a list behind a LeafLock.
///   The job then resumes `loop`. False: it need not wait, or must wait in the strand.
/// - bool attempt_sharing(): true: the loop ends. False: attempt() is called in the strand.
/// - bool attempt(): in the strand. True: the loop ends. False: the job waits in the strand.
/// - void cut_short(): in the strand, after a wait that was refused, or that ended without a wake.
template <class Self>
class SharingWaitLoop : public WaitLoop<Self> {
 public:
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    const std::coroutine_handle<> loop = this->begin(awaiter);
    if (Strand::is_shared()) {
      if (self().wait_sharing(loop)) return std::noop_coroutine();
      if (attempt_apart()) return awaiter;
    }
    if (this->refused() && poll_apart()) return awaiter;
    current_job().suspend(loop);
    return std::noop_coroutine();
  }

 private:
  friend WaitLoop<Self>;

  Self& self() noexcept { return static_cast<Self&>(*this); }

  [[gnu::always_inline]] bool poll() noexcept {
    if (current_job().result() == WaitResult::woken) return attempt_anywhere();
    if (Strand::is_shared()) Strand::stop_sharing();
    self().cut_short();
    return true;
  }
  [[gnu::always_inline]] bool attempt_anywhere() noexcept {
    if (Strand::is_shared()) {
      if (self().attempt_sharing()) return true;
      Strand::stop_sharing();
    }
    return self().attempt();
  }
  ASYNC_SLOW_PATH bool attempt_apart() noexcept { return attempt_anywhere(); }
  ASYNC_SLOW_PATH bool poll_apart() noexcept { return poll(); }
};

}  // namespace async
