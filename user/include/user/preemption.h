// Preemption of a coroutine by a more urgent one of the same program, in the middle of a step.
//
//   preemptible(compute) ──▶ a notification, a completion, or the end of a sleep
//                            ──▶ the loop, on another stack ──▶ the urgent coroutine
//   compute() continues ◀──── the executor picks its job again ◀─────────────────┘
//
// Between two awaits no other coroutine of the thread runs, so coroutines share data without locks.
// A coroutine that computes for long gives that up for a part of its step:
//
//   const double sum = user::preemptible([&] { return add_up(numbers); });
//
// In that part it must not use what more urgent coroutines change. It must call no
// function of async/ but SpinLock, and create no coroutine. It may use the heap, locks, attempt()
// and the functions of user/calls.h; a call that waits is not preempted. A step that holds a lock
// which other coroutines of its thread may take must say so with Unpreempted. Otherwise the thread
// may wait for a lock that it holds itself. user::Lock, async::SpinLock and the heap say so.
//
// With several loops (RunOptions::harts), the step may continue on another thread, between any two
// instructions, unless its job's options name one loop. So it must not use the address of a
// thread_local variable.
#pragma once

#include <user/machine/thread_pointer.h>

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "user/calls.h"

namespace user {
namespace detail {

/// The thread that runs coroutines; 0: none; several_threads: those of run() on several harts.
inline constinit std::atomic<Pid> loop_thread = 0;
inline constexpr Pid several_threads = -1;
/// Whether the program has started a second thread. True if loop_thread is several_threads.
inline constinit std::atomic<bool> has_threads = false;

/// What an upcall for a notification or a completion may do to the running step. Only the thread
/// that runs the step uses it: in its coroutines, its loop and its upcalls.
struct StepState {
  enum class Preemption : std::uint8_t {
    none,       // the step is not in preemptible()
    allowed,    // a more urgent coroutine may run at once
    forbidden,  // in Unpreempted
  };
  Preemption preemption = Preemption::none;
  // Guarded objects of a step are being destroyed: no preemption, whatever `preemption` is.
  bool is_cleaning = false;
  // Not null: a notification or a completion came while preemption was not allowed, or the main
  // coroutine of run() has ended. A step calls this function when preemption is allowed again. The
  // loop looks at it before each step, and sets it to null when it takes the notifications.
  void (*held_back)() = nullptr;

  bool allows_preemption() const { return preemption == Preemption::allowed && !is_cleaning; }
};
/// The state of the only thread that runs coroutines, unless several do.
inline constinit StepState step_state;

/// The state of the calling thread's step; null if the thread runs no coroutines. Not a
/// thread_local variable: on the hosted machine each system call of a program with thread-local
/// storage is much slower. With several loops, the state moves with the step to another thread.
inline StepState* step_of_this_thread() noexcept {
  const Pid loop = loop_thread.load(std::memory_order_relaxed);
  if (loop == 0) [[likely]]
    return nullptr;
  if (!has_threads.load(std::memory_order_relaxed)) return &step_state;
  if (loop == several_threads) return static_cast<StepState*>(machine::step_word());
  return thread_id() == loop ? &step_state : nullptr;
}

inline void set_preemption(StepState& step, StepState::Preemption preemption) noexcept {
  // An upcall may come between any two instructions, and sees what the code before them has done.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  step.preemption = preemption;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (preemption != StepState::Preemption::allowed) return;
  if (auto* const held_back = step.held_back; held_back != nullptr) [[unlikely]]
    held_back();
}

// The begin and the end of preemptible() in a step that allowed no preemption before. At the begin
// the loop submits what coroutines wait for, so that completions can preempt the step.
void begin_preemptible() noexcept;
void end_preemptible() noexcept;

class [[nodiscard]] PreemptibleScope {
 public:
  PreemptibleScope() noexcept {
    const StepState* const step = step_of_this_thread();
    applies_ = step != nullptr && step->preemption == StepState::Preemption::none;
    if (applies_) begin_preemptible();
  }
  ~PreemptibleScope() {
    if (applies_) end_preemptible();
  }
  PreemptibleScope(const PreemptibleScope&) = delete;

 private:
  bool applies_;
};

}  // namespace detail

/// For a scope, no other coroutine preempts the running step. A preemption that
/// is due meanwhile comes at the end of the scope. Scopes nest. Any thread may use it. The scope
/// must not contain a co_await. If a page fault in it must wait, the whole thread waits
/// (docs/upcalls.md), so touch pages of files before you take a lock.
class [[nodiscard]] Unpreempted {
 public:
  Unpreempted() noexcept : step_{detail::step_of_this_thread()} {
    if (step_ == nullptr) return;
    before_ = step_->preemption;
    detail::set_preemption(*step_, detail::StepState::Preemption::forbidden);
  }
  ~Unpreempted() {
    if (step_ != nullptr) detail::set_preemption(*step_, before_);
  }
  Unpreempted(const Unpreempted&) = delete;

 private:
  detail::StepState* step_;  // null: the thread runs no coroutines
  detail::StepState::Preemption before_{};
};

/// Calls `f` and returns its result. Meanwhile a more urgent coroutine runs as soon as it is ready:
/// when a notification comes, when its system call has completed, or when it has slept long enough.
/// At most four steps of a program are preempted at a time; a fifth one is not. Within an
/// Unpreempted it only calls `f`. Call it in a coroutine of run(). `f` must be no coroutine.
template <class F>
decltype(auto) preemptible(F&& f) {
  const detail::PreemptibleScope scope;
  return std::forward<F>(f)();
}

}  // namespace user
