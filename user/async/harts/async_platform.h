// The platform of async/ in programs whose coroutines run on several harts. What async/ calls a
// hart is here a thread of the program. It has a loop of its own (user/async/loop.cpp). Jobs of
// run() are parallel jobs (async/parallel.h), as in a HostPool.
//
//   hart 0: run()'s thread    the loop ── ring_enter() waits for completions and for the bell
//   hart 1: a thread          the loop ── …
//                                 │ inbox of hart 0 was empty: send_ipi(0)
//                                 └─▶ rings hart 0's bell, which is a futex word
//
// While a loop sleeps, a request in its ring waits for its bell.
// A loop that computes in preemptible() listens to its bell, too: its completion makes an upcall.
#pragma once

#include <abi/flags.h>
#include <async/local.h>
#include <async/uninterrupted.h>
#include <user/machine/loop_thread.h>
#include <user/machine/thread_pointer.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "user/clock.h"
#include "user/preemption.h"

namespace user::detail {

class Loop;
class Stackful;
struct Stack;

inline constexpr unsigned most_loops = 64;

/// A thread with a loop. All members but `bell` are for this thread only.
struct alignas(64) LoopThread {
  async::Local local;
  // Of a step on the thread's own stack. Other steps have theirs at the end of their stack
  // (user/async/stack_pool.h), so that it moves with them.
  StepState step;
  // The time at which the loop must call alarm_fired(), in ns since boot. The loop sets it first.
  std::uint64_t alarm = 0;
  Loop* loop = nullptr;
  // The stackful job (user/stackful.h) that runs; null: none runs.
  Stackful* running_stackful = nullptr;
  unsigned hart = 0;
  unsigned spins = 0;
  // listening: a thread that rings must wake the loop's thread, or interrupt its step.
  enum Bell : std::uint32_t { awake, listening, rung };
  alignas(64) std::atomic<std::uint32_t> bell = awake;
};
inline constinit std::array<LoopThread, most_loops> loop_threads{};

}  // namespace user::detail

/// The calling thread's element of loop_threads. A thread that has no loop has the first one, as in
/// a program with one loop: it may make tasks while run() does not run.
extern "C" constinit thread_local user::detail::LoopThread* cotrap_loop_thread;

namespace user::detail {

inline LoopThread& this_loop_thread() noexcept {
  return *static_cast<LoopThread*>(machine::loop_thread());
}
inline StepState& this_step() noexcept {
  return *static_cast<StepState*>(machine::step_word());
}
/// Makes that of `stack`, or of the thread's own stack if it is null, the StepState of this thread.
void switch_step(Stack* stack) noexcept;
inline Loop*& this_loop() noexcept {
  return this_loop_thread().loop;
}
inline Stackful*& running_stackful() noexcept {
  return this_loop_thread().running_stackful;
}
inline std::uint64_t& this_alarm() noexcept {
  return this_loop_thread().alarm;
}

void* map_chunk(std::size_t bytes) noexcept;
[[noreturn]] void fail_in_async(const char* what) noexcept;
/// If the running step allows preemption, lets the ready jobs run that are more urgent; otherwise
/// holds that back.
void preempt_now();
/// Makes the loop of another hart look into its inbox soon.
void ring_bell(unsigned hart) noexcept;
/// Gives other threads the processor, which may be that of a thread for which this one spins.
void let_others_run(LoopThread& here) noexcept;

}  // namespace user::detail

namespace async::platform {

inline constexpr unsigned max_harts = user::detail::most_loops;
inline constexpr bool parallel = true;
inline constexpr bool parallel_jobs = true;
// With turns, a thread would wait for others that the kernel does not run.
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = false;
inline constexpr bool checks_policies = false;

using std::atomic_thread_fence;

template <class T>
using Atomic = std::atomic<T>;

inline unsigned hart() noexcept {
  return user::detail::this_loop_thread().hart;
}
inline Local& local() noexcept {
  return user::detail::this_loop_thread().local;
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(user::now().count());
}
inline void set_alarm(std::uint64_t ns) noexcept {
  user::detail::this_alarm() = ns;
}

/// While a step may be preempted, it may also move to another hart between any two instructions.
using StepGuard = user::Unpreempted;

inline void yield_point() noexcept {}
/// To its own hart: a SpinLock has held back a preemption of its step (user/preemption.h), or the
/// executor has an entry for the inbox.
inline void send_ipi(unsigned hart) noexcept {
  if (hart == platform::hart()) return user::detail::preempt_now();
  user::detail::ring_bell(hart);
}
inline void relax() noexcept {
  user::detail::LoopThread& here = user::detail::this_loop_thread();
  if (++here.spins % 64 == 0) user::detail::let_others_run(here);
}

inline void* chunk(std::size_t bytes) noexcept {
  return user::detail::map_chunk(bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
[[noreturn]] inline void fail(const char* what) noexcept {
  user::detail::fail_in_async(what);
}

}  // namespace async::platform
