// Stackful jobs: ordinary functions with stacks of their own, under the executor of a program's
// coroutines (user/async.h). Executor, policies, priorities and trace treat them like other jobs.
//
//   auto job = user::must(user::spawn_stackful([&] {
//     while (const auto line = user::wait_for(lines.receive())) handle(*line);
//   }, {.name = "lines", .priority = 3}), "a job");
//   co_await std::move(job);
//
// A function waits in any function that it calls, at any depth, for whatever a coroutine can await.
//
//   executor, on its stack ── resume ──▶ the function, on its own stack
//   the next step  ◀──────── wait_for() ─────┘
//
// With several loops (RunOptions::harts), a function may continue on another loop after each wait.
// The compiler may keep the address of a thread_local variable over the wait. So do not use such a
// variable, errno for example, both before and after a wait_for() in one function, or name one loop
// for the job.
//
// A cancelled wait returns as in a coroutine: the function must return by itself. The program
// aborts if the Task of a function is destroyed while the function waits. Jobs that are left when
// run() ends keep their stacks.
//
// A function may use attempt(), preemptible(), Guarded and locks, but must not wait inside them:
// wait_for() then ends the program. The floating-point modes belong to the thread, as with
// coroutines. A function that uses more than its stack touches the guard page.
// RunOptions::on_exception gets this exception. If it is null, the runtime prints the job's name,
// and the program ends by SIGSEGV.
#pragma once

#include <async/async.h>
#include <trap/stack_switch.h>

#include <algorithm>
#include <bit>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "user/calls.h"
#include "user/harts.h"
#include "user/upcalls.h"

namespace user {

inline constexpr std::size_t default_stack_bytes = 64 * 1024;

namespace detail {

struct Stack;

/// The switch between the executor's stack and a function's stack. While the function waits, the
/// executor resumes this object. Its promise is the handle of the task's frame, `root`.
class Stackful : public async::ForgedFrame<std::coroutine_handle<>> {
 public:
  static constexpr std::size_t least_bytes = 8 * 1024;
  static constexpr unsigned largest = 30;
  /// Called on the executor's stack when the function has left its own. Returns the frame that
  /// continues there; null: none.
  using After = void* (*)(Stackful & function, void* argument);

  Stackful(Stack* stack, std::coroutine_handle<> root) : ForgedFrame{resume}, stack_{stack} {
    promise_ = root;
  }
  Stackful(const Stackful&) = delete;

  /// The binary logarithm of the size of a stack with `bytes`. For a constant, the compiler
  /// computes it.
  static constexpr unsigned size_of(std::size_t bytes) {
    return static_cast<unsigned>(std::bit_width(std::max(bytes, least_bytes) - 1));
  }
  /// Returns a stack of 2^size bytes; null: no memory, or the size is above `largest`.
  static Stack* take_stack(unsigned size);
  static void give_back(Stack* stack);
  /// The address of an object of `bytes` at the end of the stack.
  static void* place(Stack* stack, std::size_t bytes);
  Stack* stack() const { return stack_; }
  /// Aborts the program if the function has started and has not ended.
  void check_may_be_destroyed() const;

  /// Called on the executor's stack: runs `body` below `top`, until it waits or has ended. Returns
  /// the frame of the coroutine that continues; null: none.
  void* begin(void* top, void (*body)());
  static Stackful& running() { return *running_stackful(); }
  std::coroutine_handle<> root() const { return promise_; }
  /// Called at the end of `body`. `next` then continues, on the executor's stack.
  [[noreturn]] void end(std::coroutine_handle<> next) {
    state_ = State::ended;
    leave(next.address());
    std::unreachable();
  }
  /// Like end(), with several loops. After `finish` another loop may use this stack.
  [[noreturn]] void end_later(After finish) {
    state_ = State::ended;
    leave_for(finish, nullptr);
    std::unreachable();
  }

  /// Aborts the program unless a stackful function calls it where it may wait. Returns the switch
  /// of that function.
  static Stackful& about_to_wait();
  template <class Awaiter>
  void wait(Awaiter& awaiter) {
    if constexpr (several_loops) {
      leave_for(suspend<Awaiter>, &awaiter);
      return;
    }
    const auto self = handle();
    using Next = decltype(awaiter.await_suspend(self));
    if constexpr (std::is_void_v<Next>) {
      awaiter.await_suspend(self);
      leave(nullptr);
    } else if constexpr (std::is_same_v<Next, bool>) {
      if (awaiter.await_suspend(self)) leave(nullptr);
    } else {
      leave(awaiter.await_suspend(self).address());
    }
  }

 private:
  enum class State : std::uint8_t { new_, started, ended };

  static void resume(void* self) noexcept;
  static void go_to_function();
  static void go_to_step();
  void* run(std::uintptr_t top, void (*go_on)());
  void leave(void* next);
  /// With several loops. await_suspend() may let another loop continue the function at once, so the
  /// function must have left its stack before.
  void leave_for(After after, void* argument) {
    after_ = after;
    leave(argument);
  }
  template <class Awaiter>
  static void* suspend(Stackful& function, void* awaiter) {
    auto& waiting = *static_cast<Awaiter*>(awaiter);
    const auto self = function.handle();
    using Next = decltype(waiting.await_suspend(self));
    if constexpr (std::is_void_v<Next>) {
      waiting.await_suspend(self);
      return nullptr;
    } else if constexpr (std::is_same_v<Next, bool>) {
      return waiting.await_suspend(self) ? nullptr : self.address();
    } else {
      return waiting.await_suspend(self).address();
    }
  }

  trap::StackContext function_, step_;
  void* next_ = nullptr;
  Stack* stack_;
  State state_ = State::new_;
  After after_;  // with several loops, which call it with next_; set by leave_for()
};

/// The frame of a task whose body is a function on the stack below the frame.
template <class F, class T = std::invoke_result_t<F&>>
class StackfulTask : public async::ForgedFrame<async::Promise<T>> {
  using Frame = async::ForgedFrame<async::Promise<T>>;

 public:
  static async::Task<T> make(Stack* stack, F&& f) {
    static_assert(alignof(StackfulTask) <= 16);  // so the promise follows the header, as in a frame
    return (new (Stackful::place(stack, sizeof(StackfulTask))) StackfulTask{stack, std::move(f)})
        ->promise_.get_return_object();
  }

 private:
  using Handle = std::coroutine_handle<async::Promise<T>>;

  StackfulTask(Stack* stack, F&& f)
      : Frame{start, destroy}, switch_{stack, this->handle()}, function_{std::move(f)} {}

  static StackfulTask& of(void* frame) { return Frame::template from<StackfulTask>(frame); }
  static void start(void* frame) noexcept {
    void* const next = of(frame).switch_.begin(frame, run);
    if (next == nullptr) return;
    [[clang::musttail]] return static_cast<async::FrameHeader*>(next)->resume(next);
  }
  static void destroy(void* frame) noexcept {
    auto& self = of(frame);
    self.switch_.check_may_be_destroyed();
    Stack* const stack = self.switch_.stack();
    std::destroy_at(&self);
    Stackful::give_back(stack);
  }
  // On the function's stack.
  static void run() {
    auto& self = of(Stackful::running().root().address());
    if constexpr (std::is_void_v<T>) {
      self.function_();
      self.promise_.return_void();
    } else {
      self.promise_.return_value(self.function_());
    }
    if constexpr (several_loops) self.switch_.end_later(finish);
    self.switch_.end(
        self.promise_.final_suspend().await_suspend(Handle::from_promise(self.promise_)));
  }
  static void* finish(Stackful& function, void*) {
    auto& promise = of(function.root().address()).promise_;
    return promise.final_suspend().await_suspend(Handle::from_promise(promise)).address();
  }

  Stackful switch_;
  F function_;
};

/// Prints the job's name if the exception is an overflow of the running function's stack.
void report_overflow(const Exception& exception);

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).operator co_await(); }) {
    return std::forward<A>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); }) {
    return operator co_await(std::forward<A>(awaitable));
  } else {
    return std::forward<A>(awaitable);
  }
}

}  // namespace detail

/// A task whose body is the function `f`, on a stack of `stack_bytes`, rounded up to a power of two
/// from 8 KiB to 1 GiB. The task's frame and `f` take a part of them. ENOMEM: more than 1 GiB, or
/// no memory for the stack's last page. If there is no memory for another page when the function
/// needs it, the program ends, as for a coroutine. Only for the thread of run().
template <class F>
[[gnu::always_inline]] inline auto stackful(F f, std::size_t stack_bytes = default_stack_bytes)
    -> Result<async::Task<std::invoke_result_t<F&>>> {
  using Made = detail::StackfulTask<F>;
  constexpr std::size_t least = sizeof(Made) + detail::Stackful::least_bytes / 2;
  detail::Stack* const stack =
      detail::Stackful::take_stack(detail::Stackful::size_of(std::max(stack_bytes, least)));
  if (stack == nullptr) return std::unexpected{abi::Errno::enomem};
  return Made::make(stack, std::move(f));
}

/// Spawns `f` as a job of its own, as async::spawn() does. ENOMEM: no memory for the stack.
template <class F>
[[gnu::always_inline]] inline auto spawn_stackful(F f, const async::SpawnOptions& options = {},
                                                  std::size_t stack_bytes = default_stack_bytes)
    -> Result<async::JoinHandle<std::invoke_result_t<F&>>> {
  auto task = stackful(std::move(f), stack_bytes);
  if (!task) return std::unexpected{task.error()};
  return async::spawn(std::move(*task), options);
}

/// Does in a stackful job what `co_await` does in a coroutine, and returns the same. Other jobs run
/// meanwhile.
template <class A>
decltype(auto) wait_for(A&& awaitable) {
  detail::Stackful& self = detail::Stackful::about_to_wait();
  auto&& awaiter = detail::awaiter_of(std::forward<A>(awaitable));
  if (!awaiter.await_ready()) self.wait(awaiter);
  return awaiter.await_resume();
}

}  // namespace user
