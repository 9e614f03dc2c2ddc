// The platform of async/ in the kernel. async/platform.h describes each function.
#pragma once

#include <async/local.h>
#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/machine/per_hart.h>
#include <hal/timer.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "poison.h"

namespace kernel {

void set_executor_alarm(std::uint64_t ns) noexcept;

// devices/faulty_ipis.h
void send_ipi_with_faults(unsigned hart) noexcept;
void stand_still(std::uint64_t ns) noexcept;

// sched/preemption.cpp

/// Called when a preemptible step begins, or if `continues` is true, when a preempted one is about
/// to be resumed. Unmasks interrupts for a step that begins.
void begin_preemptible_step(bool continues) noexcept;
/// Called by the executor between two steps if an interrupt is pending.
void take_interrupts_at_yield_point() noexcept;

// sched/running.cpp
void charge_before_leaving(const async::Job& job) noexcept;

// sched/step_watch.h
void note_wait_for_strand() noexcept;
void check_strand_step() noexcept;

void* allocate_frame_chunk(std::size_t bytes) noexcept;
/// Whether `address` may be that of a coroutine's frame, live or freed. If so, the memory is
/// readable.
bool may_be_frame(std::uintptr_t address) noexcept;
[[noreturn]] void fail_in_async(const char* what) noexcept;

extern constinit thread_local async::Local async_local asm("cotrap_async_local");

}  // namespace kernel

namespace async::platform {

inline constexpr unsigned max_harts = hal::max_harts;
inline constexpr bool parallel = true;
inline constexpr int spin_limit = 128;
inline constexpr bool tracing = true;
#ifdef NDEBUG
inline constexpr bool checked = false;
#else
inline constexpr bool checked = true;
#endif
inline constexpr bool checks_policies = false;
#ifdef COTRAP_FAULTS
inline constexpr bool injects_faults = true;
using kernel::stand_still;
#else
inline constexpr bool injects_faults = false;
#endif

template <class T>
using Atomic = std::atomic<T>;
using std::atomic_thread_fence;

using hal::InterruptGuard;

// Interrupts are unmasked only in the steps of preemptible jobs.
inline void begin_step(StepKind kind) noexcept {
  if (is_preemptible(kind)) [[unlikely]]
    kernel::begin_preemptible_step(kind == StepKind::preempted);
}
inline void end_step() noexcept {}
inline void begin_wait() noexcept {
  hal::mask_interrupts();
}
inline void cancel_wait() noexcept {
  hal::unmask_interrupts();
}
using hal::interrupt_is_pending;
/// Between two steps: takes pending interrupts without a trap, which costs less than unmasking
/// them.
inline void yield_point() noexcept {
  if (hal::interrupt_is_pending()) [[unlikely]]
    kernel::take_interrupts_at_yield_point();
}

// A preemptible job may move to another hart between any two instructions. A compiler may compute
// the address of a thread_local only once. So these functions compute it at each call, and each
// access to per-hart data is one instruction (hal/machine/per_hart.h).
inline unsigned hart() noexcept {
  return HAL_LOAD_PER_HART_WORD("cotrap_hart_index");
}
inline Local& local() noexcept {
  return *static_cast<Local*>(HAL_ADDRESS_PER_HART("cotrap_async_local"));
}
inline Job* job() noexcept {
  return static_cast<Job*>(HAL_LOAD_PER_HART_POINTER("cotrap_async_local", offsetof(Local, job)));
}
inline std::uint64_t now_ns() noexcept {
  return hal::now_ns();
}
inline void set_alarm(std::uint64_t ns) noexcept {
  kernel::set_executor_alarm(ns);
}
inline void waited_for_strand() noexcept {
  kernel::note_wait_for_strand();
}
/// A step that has delayed an interrupt may have been too long.
inline void strand_ends() noexcept {
  if (hal::interrupt_is_pending()) [[unlikely]]
    kernel::check_strand_step();
}
inline void leaves_hart(const Job& job) noexcept {
  kernel::charge_before_leaving(job);
}
inline void send_ipi(unsigned hart) noexcept {
  if constexpr (injects_faults) {
    kernel::send_ipi_with_faults(hart);
  } else {
    hal::send_ipi(hart);
  }
}
inline void relax() noexcept {
  hal::relax();
}
inline void* chunk(std::size_t bytes) noexcept {
  return kernel::allocate_frame_chunk(bytes);
}
using kernel::poison;
using kernel::unpoison;
[[noreturn]] inline void fail(const char* what) noexcept {
  kernel::fail_in_async(what);
}

}  // namespace async::platform
