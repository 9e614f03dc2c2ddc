// async/'s world when it runs in the kernel (see async/platform.h for what each of these promises).
#pragma once

#include <async/local.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/timer.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kernel {

/// Sets the executor's alarm on this hart; defined with the time slices that share the timer.
void set_executor_alarm(std::uint64_t ns) noexcept;

void take_interrupts();  // devices/interrupts.h

void* allocate_frame_chunk(std::size_t bytes) noexcept;
[[noreturn]] void fail_in_async(const char* what) noexcept;

extern constinit thread_local async::Local async_local asm("cotrap_async_local");

}  // namespace kernel

namespace async::platform {

inline constexpr unsigned max_harts = hal::max_harts;
inline constexpr bool parallel = true;
inline constexpr bool tracing = false;

template <class T>
using Atomic = std::atomic<T>;

using hal::InterruptGuard;

// Every step runs with interrupts masked, so there is nothing to hold back.
inline void begin_step(StepKind) noexcept {}
inline void end_step() noexcept {}
inline void begin_wait() noexcept {}
inline void cancel_wait() noexcept {}
inline void yield_point() noexcept {
  if (hal::interrupt_is_pending()) [[unlikely]]
    kernel::take_interrupts();
}

inline unsigned hart() noexcept {
  return hal::hart_index();
}
inline Local& local() noexcept {
  return kernel::async_local;
}
inline Local& local_again() noexcept {
  Local* local;
  asm volatile(
      "lui %0, %%tprel_hi(cotrap_async_local)\n\t"
      "add %0, %0, tp, %%tprel_add(cotrap_async_local)\n\t"
      "addi %0, %0, %%tprel_lo(cotrap_async_local)"
      : "=r"(local));
  return *local;
}
inline std::uint64_t now_ns() noexcept {
  return hal::now_ns();
}
inline void set_alarm(std::uint64_t ns) noexcept {
  kernel::set_executor_alarm(ns);
}
inline void poke(unsigned hart) noexcept {
  hal::poke_hart(hart);
}
inline void relax() noexcept {
  hal::relax();
}
inline void* chunk(std::size_t bytes) noexcept {
  return kernel::allocate_frame_chunk(bytes);
}
inline void poison(void*, std::size_t) noexcept {}
inline void unpoison(void*, std::size_t) noexcept {}
[[noreturn]] inline void fail(const char* what) noexcept {
  kernel::fail_in_async(what);
}

}  // namespace async::platform
