// The platform of async/ in programs with one loop. One thread has an executor. Its loop
// (user/async/loop.cpp) waits for the kernel through a ring. Notifications interrupt its steps, but
// let other jobs run in the middle of one only where the step allows it (user/preemption.h).
#pragma once

#include <abi/flags.h>
#include <async/local.h>
#include <async/uninterrupted.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "user/clock.h"
#include "user/preemption.h"

namespace user::detail {

class Loop;
class Stackful;
struct Stack;

inline constinit async::Local async_local;
inline constinit std::uint64_t async_alarm = ~std::uint64_t{0};
inline constinit Loop* async_loop = nullptr;
inline constinit Stackful* async_stackful = nullptr;

inline StepState& this_step() noexcept {
  return step_state;
}
/// All steps have the same StepState, because none moves to another thread.
inline void switch_step(Stack*) noexcept {}
inline Loop*& this_loop() noexcept {
  return async_loop;
}
/// The stackful job (user/stackful.h) that runs; null: none runs.
inline Stackful*& running_stackful() noexcept {
  return async_stackful;
}
/// The time at which the loop must call alarm_fired(), in ns since boot.
inline std::uint64_t& this_alarm() noexcept {
  return async_alarm;
}

void* map_chunk(std::size_t bytes) noexcept;
[[noreturn]] void fail_in_async(const char* what) noexcept;
/// If the running step allows preemption, lets the ready jobs run that are more urgent; otherwise
/// holds that back.
void preempt_now();

}  // namespace user::detail

namespace async::platform {

inline constexpr unsigned max_harts = 1;
inline constexpr bool parallel = false;
inline constexpr int spin_limit = 0;
inline constexpr bool tracing = true;
inline constexpr bool checked = false;
inline constexpr bool checks_policies = false;

using std::atomic_thread_fence;

/// Not atomic: one thread alone uses it.
template <class T>
class Atomic {
  using Order = std::memory_order;

 public:
  constexpr Atomic() noexcept = default;
  constexpr Atomic(T value) noexcept : value_(value) {}
  Atomic(const Atomic&) = delete;
  T load(Order = {}) const noexcept { return value_; }
  void store(T value, Order = {}) noexcept { value_ = value; }
  T exchange(T value, Order = {}) noexcept { return replace(value); }
  T fetch_add(T by, Order = {}) noexcept { return replace(static_cast<T>(value_ + by)); }
  T fetch_and(T mask, Order = {}) noexcept { return replace(static_cast<T>(value_ & mask)); }
  T fetch_or(T mask, Order = {}) noexcept { return replace(static_cast<T>(value_ | mask)); }
  bool compare_exchange_strong(T& expected, T desired, Order = {}, Order = {}) noexcept {
    const bool is = value_ == expected;
    (is ? value_ : expected) = is ? desired : value_;
    return is;
  }
  bool compare_exchange_weak(T& expected, T desired, Order = {}, Order = {}) noexcept {
    return compare_exchange_strong(expected, desired);
  }

 private:
  T replace(T value) noexcept {
    const T before = value_;
    value_ = value;
    return before;
  }
  T value_{};
};

inline unsigned hart() noexcept {
  return 0;
}
inline Local& local() noexcept {
  return user::detail::async_local;
}
inline Job* job() noexcept {
  return local().job;
}
inline std::uint64_t now_ns() noexcept {
  return static_cast<std::uint64_t>(user::now().count());
}
inline void set_alarm(std::uint64_t ns) noexcept {
  user::detail::async_alarm = ns;
}

inline void yield_point() noexcept {}
/// A SpinLock has held back a preemption of its step (user/preemption.h).
inline void send_ipi(unsigned) noexcept {
  user::detail::preempt_now();
}
inline void relax() noexcept {}

inline void* chunk(std::size_t bytes) noexcept {
  return user::detail::map_chunk(bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
[[noreturn]] inline void fail(const char* what) noexcept {
  user::detail::fail_in_async(what);
}

}  // namespace async::platform
