// Preemption of a coroutine by a more urgent one of the same program, in the middle of a step.
//
//   preemptible(compute) ──notification──▶ the loop, on another stack ──▶ the urgent coroutine
//   compute() continues ◀──── the executor picks its job again ◀─────────────────┘
//
// Between two awaits no other coroutine of the thread runs, so coroutines share data without locks.
// A coroutine that computes for long gives that up for a part of its step:
//
//   const double sum = user::preemptible([&] { return add_up(numbers); });
//
// In that part it must not use what more urgent coroutines change, nor functions of async/. It may
// use the heap, locks, attempt() and system calls. If it holds a lock that other coroutines of its
// thread may take, it must say so with Unpreempted; otherwise a more urgent one waits for a lock
// that the thread itself holds. user::Lock, async::SpinLock and the heap do so.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace user {
namespace detail {

/// What a notification may do to the running step of this thread. Only the thread itself uses it:
/// in its coroutines, its loop and its upcalls.
struct StepState {
  enum class Preemption : std::uint8_t {
    none,       // the step is not in preemptible()
    allowed,    // a more urgent coroutine may run at once
    forbidden,  // in Unpreempted
  };
  Preemption preemption = Preemption::none;
  // Not null: a notification came while preemption was not allowed. The step calls this function
  // when preemption is allowed again. The loop sets it to null when it takes the notifications.
  void (*held_back)() = nullptr;
};
inline thread_local constinit StepState step_state;

inline void set_preemption(StepState::Preemption preemption) noexcept {
  // An upcall may come between any two instructions, and sees what the code before them has done.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  step_state.preemption = preemption;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (preemption == StepState::Preemption::allowed && step_state.held_back != nullptr) [[unlikely]]
    step_state.held_back();
}

class [[nodiscard]] PreemptionScope {
 public:
  explicit PreemptionScope(StepState::Preemption preemption) noexcept
      : before_{step_state.preemption} {
    if (before_ != StepState::Preemption::forbidden) set_preemption(preemption);
  }
  ~PreemptionScope() { set_preemption(before_); }
  PreemptionScope(const PreemptionScope&) = delete;

 private:
  StepState::Preemption before_;
};

}  // namespace detail

/// For a scope, no other coroutine preempts the running step. If one became ready meanwhile that
/// would have, it does at the end of the scope. Scopes nest. Any thread; without a co_await.
class [[nodiscard]] Unpreempted : detail::PreemptionScope {
 public:
  Unpreempted() noexcept : PreemptionScope{detail::StepState::Preemption::forbidden} {}
};

/// Calls `f` and returns its result. Meanwhile a more urgent coroutine that a notification wakes
/// runs at once. At most four steps of a program are preempted at a time; a fifth one is not.
/// Within an Unpreempted it only calls `f`. Call it in a coroutine of run(); `f` must not wait.
template <class F>
decltype(auto) preemptible(F&& f) {
  const detail::PreemptionScope scope{detail::StepState::Preemption::allowed};
  return std::forward<F>(f)();
}

}  // namespace user
