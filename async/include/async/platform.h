// The interface that async/ needs from its world (kernel, user program, host, simulator). Each
// world puts a header <async_platform.h> on the include path. It defines in namespace
// async::platform:
//
//   constexpr unsigned max_harts         harts are numbered 0 … max_harts − 1
//   constexpr bool parallel              harts run at the same time. max_harts is at most 1,024,
//                                        and at most 64 with parallel_jobs
//   constexpr bool tracing               false: trace points cost nothing; true: one branch each
//   unsigned hart()                      the hart this code runs on
//   Local& local()                       that hart's async::Local (zero-initialised, never moves).
//                                        Use it only while interrupts are masked: a preemptible
//                                        job may change harts in mid-step. The compiler must not
//                                        cache the results of local() and hart().
//   Job* job()                           local().job, read atomically: correct even if the job
//                                        changes harts meanwhile
//   uint64_t now_ns()                    nanoseconds since boot, monotonic
//   void set_alarm(uint64_t ns)          sets the hart's only alarm, replacing the previous one.
//                                        When `now_ns() >= ns`, its interrupt handler calls
//                                        Executor::alarm_fired(); at once if `ns` has passed.
//                                        Firing early is harmless.
//   class InterruptGuard                 masks this hart's interrupts in its scope
//   class StepGuard                      in its scope, no job preempts the running step, and
//                                        the step stays on its hart. Optional, default
//                                        InterruptGuard
//   void begin_step(StepKind)            a step begins, with interrupts masked; the world may
//                                        unmask them if the step is preemptible
//   void end_step()                      a step has ended; begin_wait() has masked interrupts
//   void yield_point()                   between two steps: takes the pending interrupts
//   bool interrupt_is_pending()          whether yield_point() has something to do now. Optional,
//                                        default false
//   void begin_wait()                    the running job may wait: masks interrupts until its
//                                        step has ended
//   void cancel_wait()                   undoes begin_wait() in a preemptible step, which
//                                        continues without a wait
//   void waited_for_strand()             with several harts: this hart had to wait for the strand,
//                                        and has just entered it
//   void strand_ends()                   with several harts: this hart is about to leave it
//   void send_ipi(unsigned hart)         interrupts a hart (IPI), which ends its idle wait; for
//                                        this hart, an interrupt as soon as they are unmasked. The
//                                        interrupted hart sees what this hart has written before
//   void relax()                         called in each round of a spin loop
//   int spin_limit                       rounds for which a hart lets waiting harts go first
//                                        when its turn ends; 0: harts take no turns
//   template Atomic<T>                   std::atomic<T>, or a type that behaves like it
//   void atomic_thread_fence(order)      std::atomic_thread_fence, or a fence for such a type
//   void* chunk(size_t bytes)            allocates `bytes` (a multiple of 4096), 4096-aligned, for
//                                        ever. Never null: a world without memory must stop
//   void poison(void*, size_t)           the memory is free: a checker may trap on its use
//   void unpoison(void*, size_t)         the memory is in use again
//   constexpr bool checked               enables costly checks for wrong use (debug builds)
//   constexpr bool checks_policies       enables checks of scheduling policies (policy/checked.h)
//   constexpr bool parallel_jobs         jobs outside the strand have all rights of other jobs
//                                        (parallel.h). Optional, default false; needs `parallel`
//   void leaves_hart(const Job&)         with several harts: this hart, which is in the strand or
//                                        shares it, is about to send a job of the strand to another
//                                        hart. Optional; by default it does nothing
//   constexpr bool injects_faults        the runtime asks fault.h for faults. Optional, default
//                                        false
//   void stand_still(uint64_t ns)        the hart does nothing for that time. In steps, and with
//                                        interrupts masked or not; only with injects_faults
//   size_t batch_length(size_t bytes)    how many free blocks of that size a hart keeps in a list.
//                                        Optional, like the next four; used if harts are parallel
//   void put_batch(size_t list, void*)   keeps a list of so many blocks for any hart (frame_pool.h)
//   void* take_batch(size_t list)        returns such a list, null if there is none
//   constexpr size_t job_list            the number of the list with jobs
//   constexpr size_t lists               the number of lists
//   [[noreturn]] void fail(const char*)  an invariant of the runtime is broken
//
// The runtime calls each function on the hart that the function concerns, in task context. It calls
// hart(), local() and send_ipi() in interrupt handlers, too. <async_platform.h> may include only
// "async/local.h" of async/ and, in a world without interrupts, "async/uninterrupted.h".
#pragma once

#include <async_platform.h>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "async/local.h"
#include "async/time.h"

namespace async::platform_defaults {
inline constexpr bool parallel_jobs = false;
inline constexpr bool injects_faults = false;
using StepGuard = platform::InterruptGuard;
inline void stand_still(std::uint64_t) noexcept {}
inline bool interrupt_is_pending() noexcept {
  return false;
}
inline void leaves_hart(const Job&) noexcept {}
inline constexpr std::size_t job_list = 0;
inline constexpr std::size_t lists = 160;
inline std::size_t batch_length(std::size_t bytes) noexcept {
  constexpr std::size_t most = 16;
  return bytes <= 1024 ? most : 1 + 1024 * most / bytes;
}
void put_batch(std::size_t list, void* batch) noexcept;
void* take_batch(std::size_t list) noexcept;
}  // namespace async::platform_defaults
namespace async::platform {
using namespace platform_defaults;  // for names that <async_platform.h> does not declare
}

namespace async {

template <unsigned max_harts, bool>
concept PlatformIsComplete = requires(void* memory, std::size_t bytes, std::uint64_t ns) {
  requires max_harts >= 1 && max_harts <= (platform::parallel_jobs ? 64 : 1024);
  requires sizeof(platform::Atomic<std::uint32_t>) == sizeof(std::uint32_t);
  { platform::hart() } noexcept -> std::same_as<unsigned>;
  { platform::local() } noexcept -> std::same_as<Local&>;
  { platform::job() } noexcept -> std::same_as<Job*>;
  { platform::now_ns() } noexcept -> std::same_as<std::uint64_t>;
  { platform::set_alarm(ns) } noexcept;
  { platform::send_ipi(0u) } noexcept;
  { platform::relax() } noexcept;
  { platform::atomic_thread_fence(std::memory_order_seq_cst) } noexcept;
  { platform::chunk(bytes) } noexcept -> std::same_as<void*>;
  { platform::poison(memory, bytes) } noexcept;
  { platform::unpoison(memory, bytes) } noexcept;
  { platform::fail("") } noexcept;
  { platform::begin_step(StepKind::strand) } noexcept;
  { platform::end_step() } noexcept;
  { platform::yield_point() } noexcept;
  { platform::begin_wait() } noexcept;
  { platform::cancel_wait() } noexcept;
  platform::InterruptGuard{};
};
static_assert(PlatformIsComplete<platform::max_harts, platform::tracing>);

inline Instant Clock::now() noexcept {
  return Instant{Duration{static_cast<Duration::rep>(platform::now_ns())}};
}

/// The platform's time. Any context.
inline Instant now() noexcept {
  return Clock::now();
}

}  // namespace async
